"""Fires of a cron expression in a zone, as Debian's cron has them.

croniter walks the calendar, in naive local time; what daylight saving does to a local
time is decided here, by two rules of Debian's cron:

- A job at *fixed* times (neither minute nor hour begins with ``*``) runs once for each
  local time: at its first occurrence when the clock goes back, and right after the jump
  when the clock skips it (by up to three hours; when the calendar skips more, not at all).
- A *wildcard* job follows the clock as it reads: more often on a long day, less on a short one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from threading import Lock
from typing import Final

from croniter import croniter

from luajobs_kit.timing.crontab import Crontab, read_crontab
from luajobs_kit.timing.zones import first_change, local_time

MAX_GAP: Final = timedelta(hours=3)
"""cron takes a larger jump for a clock being set, and forgets what it skipped."""

_MINUTE: Final = timedelta(minutes=1)
_NO_OFFSET: Final = timedelta(0)


def cron_fires(expression: str, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """Give the fires strictly after ``after`` (aware), in UTC, in order; ends when there are no more."""
    crontab = read_crontab(expression)
    walk = _fixed if crontab.fixed else _wildcard
    return walk(calendar_of(expression), zone, after.astimezone(UTC))


class Calendar:
    """Matching local minutes, by croniter. One is shared by all who use the expression."""

    __slots__ = ("_croniter", "_lock")

    def __init__(self, crontab: Crontab) -> None:
        days, weekdays = _listed(crontab.days, 31), _listed(crontab.weekdays, 7)
        if crontab.either_day and "*" in (days, weekdays):
            # "1 or any weekday" is every day. croniter takes a full list for "*", and would AND.
            days = weekdays = "*"
        fields = (
            _listed(crontab.minutes, 60),
            _listed(crontab.hours, 24),
            days,
            _listed(crontab.months, 12),
            weekdays,
        )
        self._lock = Lock()
        self._croniter = croniter(
            " ".join(fields),
            datetime(2000, 1, 1),  # noqa: DTZ001 - local times are naive here
            day_or=crontab.either_day,
        )

    def after(self, local: datetime) -> datetime | None:
        """Return the first matching minute strictly after a naive local time."""
        try:
            with self._lock:  # it keeps where it stands, and notebooks preview from several threads
                found: datetime = self._croniter.get_next(datetime, start_time=local)
        except (ValueError, OverflowError):  # no such date within 50 years, or past year 9999
            return None
        return found

    def walk(self, local: datetime) -> Iterator[datetime]:
        """Give the matching minutes strictly after a naive local time."""
        while (found := self.after(local)) is not None:
            yield found
            local = found


@lru_cache(maxsize=2048)
def calendar_of(expression: str) -> Calendar:
    """Return the shared calendar of a valid expression."""
    return Calendar(read_crontab(expression))


def _listed(numbers: tuple[int, ...], all_of_them: int) -> str:
    return "*" if len(numbers) == all_of_them else ",".join(map(str, numbers))


def _fixed(calendar: Calendar, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    last = after
    for local in calendar.walk(local_time(after, zone)):
        instant = first_instant(local, zone)
        # Not after: the second occurrence of an hour, or merged with another fire at a jump.
        if instant is not None and instant > last:
            yield instant
            last = instant


def first_instant(local: datetime, zone: tzinfo) -> datetime | None:
    """Return when a naive local time first comes, or the end of the jump that skips it (None: too large)."""
    aware = local.replace(tzinfo=zone, fold=0)
    try:
        instant = aware.astimezone(UTC)
    except OverflowError:
        return None
    if local_time(instant, zone) == local:
        return instant
    offset, offset_after = aware.utcoffset(), aware.replace(fold=1).utcoffset()
    assert offset is not None
    assert offset_after is not None
    if offset_after - offset > MAX_GAP:
        return None
    return first_change(zone, instant - (offset_after - offset), instant)


def _wildcard(calendar: Calendar, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    start, local = after, local_time(after, zone)
    while True:
        offset = start.astimezone(zone).utcoffset() or _NO_OFFSET
        while (found := calendar.after(local)) is not None:
            try:
                instant = (found - offset).replace(tzinfo=UTC)
            except OverflowError:
                return
            change = first_change(zone, start, instant)
            if change is not None:
                break
            yield instant
            start, local = instant, found
        else:
            return
        # Go on with the offset that now holds; the minute of the change itself counts.
        start, local = change, local_time(change, zone) - _MINUTE
