"""The columns of the job table, and their widths for the room there is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from luajobs_kit.model import Job
from luajobs_kit.presentation import JOB_COLUMNS
from luajobs_tui.cell_text import (
    TonedText,
    clip,
    last_outcome,
    next_fire,
    short_schedule,
    status,
    user,
)

Key = Literal["status", "name", "user", "schedule", "next", "last"]
TIMED: Final[tuple[Key, ...]] = ("next", "last")  # what the passing of time changes

_KEYS: Final[tuple[Key, ...]] = ("status", "name", "user", "schedule", "next", "last")
_TITLES: Final = dict(zip(_KEYS, JOB_COLUMNS, strict=True))
_GAP: Final = 1  # cells between two columns
_NEXT: Final = 19  # cells: "59m 05s · 14:08:05"
_NEXT_SHORT: Final = 9  # cells: "59m 05s"
_LAST: Final = 18  # cells: "✗ 12.3s · 59m ago"
_STATUS: Final = 11  # cells: "○ inactive"
_SIGN: Final = 2  # cells: the status' sign alone


@dataclass(frozen=True, slots=True)
class Column:
    key: Key
    title: str
    width: int  # cells, the gap to the next column included


def columns_for(width: int) -> tuple[Column, ...]:
    """Return the columns for a table of that many cells; they fill it."""
    status_width = _STATUS if width >= 92 else _SIGN
    next_width = _NEXT if width >= 76 else _NEXT_SHORT
    rest = max(width - status_width - next_width - _LAST, 24)
    user_width = max(7, rest // 6) if width >= 68 else 0
    schedule = max(10, (rest - user_width) // 2)
    name = max(7, rest - user_width - schedule)
    widths: dict[Key, int] = {
        "status": status_width,
        "name": name,
        "user": user_width,
        "schedule": schedule,
        "next": next_width,
        "last": _LAST,
    }
    return tuple(
        Column(key, _title(key, size - _GAP), size) for key, size in widths.items() if size
    )


def _title(key: Key, room: int) -> str:
    title = _TITLES[key]
    if room < len("next"):
        return ""
    # Rather a whole word than a cut one.
    return title if len(title) <= room else clip(title.partition(" ")[0], room)


def cell(job: Job, column: Column, now: datetime) -> TonedText:
    """Return what a job's cell says, cut to its column."""
    room = column.width - _GAP
    match column.key:
        case "status":
            said = status(job.status)
            return said if column.width > _SIGN else TonedText(said.text[0], said.tone)
        case "name":
            said = TonedText(job.name)
        case "user":
            said = user(job.user_id)
        case "schedule":
            said = TonedText(short_schedule(job.active_version, now))
        case "next":
            said = next_fire(job, now)
            if column.width == _NEXT_SHORT:  # how long until then, and not when
                said = TonedText(said.text.partition(" · ")[0], said.tone)
        case "last":
            said = last_outcome(job, now)
    return TonedText(clip(said.text, room), said.tone)
