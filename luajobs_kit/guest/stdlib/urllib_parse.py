"""``urlsplit`` keeps nothing of what it was asked for.

The library's keeps arguments beside their classes, and looks them up by comparing: one of a
job's class that has the right hash would be shown the real ``type``.
"""

from __future__ import annotations

from typing import Any


def without_cache(known: Any) -> Any:
    return getattr(known, "__wrapped__", known)
