"""Scheduling, and one run from due to recorded."""

from __future__ import annotations

from luajobs_kit.engine.engine import Engine

__all__ = ["Engine"]
