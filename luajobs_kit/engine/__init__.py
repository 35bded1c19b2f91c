"""The engine: a workspace's jobs registered, scheduled, run and recorded."""

from __future__ import annotations

from luajobs_kit.engine.engine import GRACE, Engine

__all__ = ["GRACE", "Engine"]
