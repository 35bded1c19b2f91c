"""Scheduling, and one run from due to recorded."""

from __future__ import annotations

from luajobs_kit.engine.engine import GRACE, Engine

__all__ = ["GRACE", "Engine"]
