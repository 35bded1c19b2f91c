"""When a schedule fires, and the scheduler that says so."""

from __future__ import annotations

from luajobs_kit.timing.declare import cron, every, once
from luajobs_kit.timing.description import describe
from luajobs_kit.timing.marks import MarkedFire, marked_fires
from luajobs_kit.timing.parse import parse_schedule
from luajobs_kit.timing.scheduler import Scheduler
from luajobs_kit.timing.triggers import (
    Trigger,
    fires_after,
    jittered,
    next_fire,
    trigger_for,
)
from luajobs_kit.timing.upcoming import preview

__all__ = [
    "MarkedFire",
    "Scheduler",
    "Trigger",
    "cron",
    "describe",
    "every",
    "fires_after",
    "jittered",
    "marked_fires",
    "next_fire",
    "once",
    "parse_schedule",
    "preview",
    "trigger_for",
]
