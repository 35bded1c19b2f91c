"""A schedule as people type it: ``every 30s``, ``in 10m``, ``0 8 * * 1 Europe/Berlin``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import OnceSchedule, Schedule
from luajobs_kit.timing import cron, every, once

EXAMPLES: Final = "every 30s · in 10m · at 14:30 · 0 8 * * 1 Europe/Berlin"

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}  # seconds
_LENGTH: Final = re.compile(
    r"(\d+(?:\.\d+)?)\s*"
    r"(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)(?![a-z])[\s,]*(?:and\s+)?"
)
_MACRO: Final = re.compile(r"@[a-z]+")


def read_schedule(text: str, now: datetime) -> Schedule:
    """Return the schedule that was typed. Raises ``InvalidInput`` with what to type instead."""
    words = text.strip()
    first, _, rest = words.partition(" ")
    match first.lower():
        case "":
            raise InvalidInput(f"Say when it runs: {EXAMPLES}", field="schedule")
        case "once":
            return read_schedule(rest, now)
        case "every" | "@every":
            return every(seconds=_seconds(rest, "every 30s"))
        case "in" | "after":
            after = _seconds(rest, "in 10m")
            # As once(seconds=…) would, counted from the engine's own time.
            try:
                start = once(at=now + timedelta(seconds=after))
            except OverflowError:
                raise InvalidInput(
                    f"{words!r} is beyond the calendar; is the unit right?", field="schedule"
                ) from None
            return start.model_copy(update={"after": after})
        case "at":
            return _at(rest, now)
        case "cron":
            return _cron(rest)
        case _:
            return _cron(words)


def _seconds(text: str, example: str) -> float:
    given = text.strip().lower()
    if re.fullmatch(r"[a-z]+", given):
        given = f"1 {given}"  # every minute
    total, end = 0.0, 0
    while found := _LENGTH.match(given, end):
        total += float(found[1]) * _UNITS[found[2][0]]
        end = found.end()
    if not given or end != len(given):
        raise InvalidInput(
            f"{text.strip() or 'Nothing'!r} is no length of time; write a number and s, m, h, d or w, "
            f"such as '{example}' or 'every 1h 30m'; for months write cron, such as '0 0 1 * *'.",
            field="schedule",
        )
    return total


def _at(text: str, now: datetime) -> OnceSchedule:
    given, here = text.strip(), now.astimezone()
    try:
        if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", given):
            hour, minute, *second = (int(part) for part in given.split(":"))
            when = here.replace(hour=hour, minute=minute, second=sum(second), microsecond=0)
            # What has passed today is meant for tomorrow; the wall clock decides which hour.
            day = timedelta(days=when <= here)
            return once(at=(when + day).replace(tzinfo=None))
        return once(at=datetime.fromisoformat(given))
    except ValueError as problem:
        if isinstance(problem, InvalidInput):
            raise
        raise InvalidInput(
            f"{given!r} is no time; write 'at 14:30' or 'at 2026-12-24 08:00' (your local time).",
            field="schedule",
        ) from None


def _cron(text: str) -> Schedule:
    words = text.split()
    fields = 1 if words and _MACRO.fullmatch(words[0]) else 5
    if len(words) < fields or len(words) > fields + 1 or not re.match(r"[\d*@]", text):
        raise InvalidInput(f"{text!r} is no schedule. Write one of: {EXAMPLES}", field="schedule")
    zone = words[fields] if len(words) > fields else None
    return cron(" ".join(words[:fields]), zone)
