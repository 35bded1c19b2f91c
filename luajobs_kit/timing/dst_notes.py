"""Notes on daylight saving beside the fires of a preview: moved, merged, repeated or dropped ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import takewhile
from typing import Any, Final, Literal

from luajobs_kit.clock import Clock
from luajobs_kit.model import CronSchedule, Schedule
from luajobs_kit.timing.cron_fires import calendar_of, cron_fires, first_instant
from luajobs_kit.timing.crontab import read_crontab
from luajobs_kit.timing.fire_preview import begin, shown_fires
from luajobs_kit.timing.zones import around_change, changes, local_time, zone_named

_MINUTE: Final = timedelta(minutes=1)
_HOURS: Final = 24  # in a day; a job of every hour loses nothing when one of them is skipped


@dataclass(frozen=True, slots=True)
class MarkedFire:
    """A fire to come, or one that daylight saving takes away."""

    at: datetime | None
    """When it fires, in the schedule's zone; None when it is dropped."""
    local: datetime
    """The local time the schedule asks for (naive); the clock may never show it."""
    mark: Literal["moved", "dropped"] | None = None
    note: str | None = None
    """Why, in words; also for a time that comes twice, of which the first counts."""


def marked_fires(
    schedule: Schedule | Mapping[str, Any],
    count: int = 5,
    start: datetime | None = None,
    *,
    clock: Clock | None = None,
) -> list[MarkedFire]:
    """Return what ``preview`` returns, with marks, and between them the fires that are dropped.

    There are ``count`` that fire, however many are dropped. Raises ``InvalidInput``.
    """
    valid, now = begin(schedule, count, start, clock)
    if isinstance(valid, CronSchedule):
        zone = zone_named(valid.timezone)
        walk = _fixed if read_crontab(valid.expression).fixed else _wildcard
        fires = walk(valid.expression, zone, now.astimezone(UTC))
    else:
        fires = (
            MarkedFire(fire, fire.replace(tzinfo=None, fold=0)) for fire in shown_fires(valid, now)
        )
    found: list[MarkedFire] = []
    while count > 0 and (fire := next(fires, None)) is not None:
        found.append(fire)
        count -= fire.at is not None
    return found


def _fixed(expression: str, zone: tzinfo, after: datetime) -> Iterator[MarkedFire]:
    calendar, last = calendar_of(expression), after
    for local in calendar.walk(local_time(after, zone)):
        instant = first_instant(local, zone)
        if instant is None:
            yield MarkedFire(
                None,
                local,
                "dropped",
                f"{local:%H:%M} does not exist: clocks jump by hours over it",
            )
            continue
        at = instant.astimezone(zone)
        moved = at.replace(tzinfo=None, fold=0) != local
        if instant > last:
            last = instant
            yield MarkedFire(at, local, "moved" if moved else None, _note(local, at, moved=moved))
        elif instant == last and instant > after:
            note = f"one run at {at:%H:%M} stands for it: clocks are put forward"
            yield MarkedFire(None, local, "dropped", note)


def _note(local: datetime, at: datetime, *, moved: bool) -> str | None:
    if moved:
        return f"{local:%H:%M} does not exist: clocks are put forward to {at:%H:%M}"
    if at.replace(fold=1).utcoffset() != at.utcoffset():
        return f"{local:%H:%M} comes twice: clocks are put back; it fires the first time"
    return None


def _wildcard(expression: str, zone: tzinfo, after: datetime) -> Iterator[MarkedFire]:
    calendar, last = calendar_of(expression), after
    some_hours = len(read_crontab(expression).hours) < _HOURS
    for instant in cron_fires(expression, zone, after):
        for change in changes(zone, last, instant) if some_hours else ():
            before, behind = around_change(change, zone)
            skipped = takewhile(lambda local: local < behind, calendar.walk(before - _MINUTE))  # noqa: B023 - used up at once
            why = f"does not exist: clocks are put forward to {behind:%H:%M}"
            yield from (
                MarkedFire(None, local, "dropped", f"{local:%H:%M} {why}") for local in skipped
            )
        last = instant
        at = instant.astimezone(zone)
        twice = at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()
        note = f"{at:%H:%M} comes twice: clocks are put back; it fires each time" if twice else None
        yield MarkedFire(at, local_time(instant, zone), None, note)
