"""The platform: what may be asked of a workspace about users, data, products and messages."""

from __future__ import annotations

from luajobs_kit.platform.caller import Caller
from luajobs_kit.platform.json_pieces import is_heavy, pieces
from luajobs_kit.platform.message_channel import MessageChannel
from luajobs_kit.platform.platform import Platform
from luajobs_kit.platform.settings import MOST_CONCURRENT, Settings
from luajobs_kit.platform.size_limits import Answer

__all__ = [
    "MOST_CONCURRENT",
    "Answer",
    "Caller",
    "MessageChannel",
    "Platform",
    "Settings",
    "is_heavy",
    "pieces",
]
