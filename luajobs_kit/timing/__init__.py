"""Schedules: read, described, turned into triggers; and the scheduler that runs them.

Names are loaded when first used: who writes a schedule needs no scheduler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from luajobs_kit.timing.builders import cron, every, once
    from luajobs_kit.timing.description import describe, describe_count, describe_kept
    from luajobs_kit.timing.dst_notes import MarkedFire, marked_fires
    from luajobs_kit.timing.fire_preview import preview
    from luajobs_kit.timing.parse import parse_schedule
    from luajobs_kit.timing.scheduler import Scheduler
    from luajobs_kit.timing.triggers import (
        Trigger,
        fires_after,
        jittered,
        next_fire,
        shortest_wait,
        trigger_for,
        why_unreadable,
    )

__all__ = [
    "MarkedFire",
    "Scheduler",
    "Trigger",
    "cron",
    "describe",
    "describe_count",
    "describe_kept",
    "every",
    "fires_after",
    "jittered",
    "marked_fires",
    "next_fire",
    "once",
    "parse_schedule",
    "preview",
    "shortest_wait",
    "trigger_for",
    "why_unreadable",
]

_HOMES = {
    "builders": ["cron", "every", "once"],
    "description": ["describe", "describe_count", "describe_kept"],
    "dst_notes": ["MarkedFire", "marked_fires"],
    "parse": ["parse_schedule"],
    "scheduler": ["Scheduler"],
    "triggers": [
        "Trigger",
        "fires_after",
        "jittered",
        "next_fire",
        "shortest_wait",
        "trigger_for",
        "why_unreadable",
    ],
    "fire_preview": ["preview"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
