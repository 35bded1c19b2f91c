"""Preview of a schedule: its next fires, in its own zone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from luajobs_kit.clock import Clock, SystemClock
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import Schedule
from luajobs_kit.timing.instants import read_instant
from luajobs_kit.timing.parse import parse_schedule
from luajobs_kit.timing.triggers import fires_after
from luajobs_kit.timing.zones import zone_of

MOST: Final = 100_000  # fires in one preview


def preview(
    schedule: Schedule | Mapping[str, Any],
    count: int = 5,
    start: datetime | None = None,
    *,
    clock: Clock | None = None,
) -> list[datetime]:
    """Return the next ``count`` fires strictly after ``start`` (default: now), fewer if there are no more.

    Aware datetimes in the schedule's zone: cron's own, the one a time was written in, and
    the caller's for intervals. An interval without a start of its own is counted from ``start``.

    Raises ``InvalidInput`` for a schedule that is not valid.
    """
    valid, now = begin(schedule, count, start, clock)
    return list(islice(shown_fires(valid, now), count))


def begin(
    schedule: Schedule | Mapping[str, Any], count: int, start: datetime | None, clock: Clock | None
) -> tuple[Schedule, datetime]:
    """Return the valid schedule and the instant to begin at. Raises ``InvalidInput``."""
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MOST:
        raise InvalidInput(
            f"{count!r} fires cannot be shown: give a count from 0 to {MOST:,}.", field="count"
        )
    now = (clock or SystemClock()).now() if start is None else read_instant(start, "start")[0]
    return parse_schedule(schedule, now=now, check_past=False), now


def shown_fires(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Give the fires strictly after ``after`` in the schedule's own zone."""
    zone = zone_of(schedule)
    return (
        fire.astimezone(zone)
        for fire in fires_after(schedule, after.astimezone(UTC), armed_at=after)
    )
