"""How many times a cron expression fires in a span, counted day by day rather than fire by fire.

After an outage of months a job that runs each minute has missed hundreds of thousands of
fires, and all of them are counted for it. The rules are those of ``cron_fires.py``, put the
way Debian's cron has them: by a virtual local time up to which everything has run.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from luajobs_kit.timing.cron_fires import MAX_GAP
from luajobs_kit.timing.crontab import Crontab, read_crontab
from luajobs_kit.timing.zones import around_change, changes, first_change, local_time

_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)


def count_cron_fires(expression: str, zone: tzinfo, after: datetime, until: datetime) -> int:
    """Return how many fires lie in (after, until], both aware."""
    if until <= after:
        return 0
    crontab = read_crontab(expression)
    count = _count_fixed if crontab.fixed else _count_wildcard
    return count(crontab, zone, after.astimezone(UTC), until.astimezone(UTC))


def _count_wildcard(crontab: Crontab, zone: tzinfo, after: datetime, until: datetime) -> int:
    total, local = 0, local_time(after, zone)
    for change in changes(zone, after, until):
        old, new = around_change(change, zone)
        total += _matches(crontab, local, old - _MINUTE)
        local = new - _MINUTE
    return total + _matches(crontab, local, local_time(until, zone))


def _count_fixed(crontab: Crontab, zone: tzinfo, after: datetime, until: datetime) -> int:
    total, virtual = 0, _virtual(after, zone)
    for change in changes(zone, after, until):
        old, new = around_change(change, zone)
        total += _matches(crontab, virtual, old - _MINUTE)
        virtual = max(virtual, old - _MINUTE)
        if new > old and new - old <= MAX_GAP:
            total += _matches(crontab, virtual, new) > 0  # all that was skipped runs once, now
            virtual = max(virtual, new)
        elif new > old:
            virtual = new - _MINUTE
    return total + _matches(crontab, virtual, local_time(until, zone))


def _virtual(instant: datetime, zone: tzinfo) -> datetime:
    """Return the local time up to which fixed jobs have run at an instant."""
    local = local_time(instant, zone)
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first != instant and (change := first_change(zone, first, instant)):
        return (
            around_change(change, zone)[0] - _MINUTE
        )  # in an hour that comes twice, the second time
    return local


def _matches(crontab: Crontab, after: datetime, until: datetime) -> int:
    """Count the matching local minutes in (after, until]."""
    if until <= after:
        return 0
    whole = len(crontab.minutes) * len(crontab.hours)
    total = -_matches_in_day(crontab, after)
    day = after.replace(hour=0, minute=0, second=0, microsecond=0)
    while day.date() < until.date():
        total += whole * _day_matches(crontab, day)
        day += _DAY
    return total + _matches_in_day(crontab, until)


def _matches_in_day(crontab: Crontab, until: datetime) -> int:
    """Count the matching minutes of a day, up to and including a time of it."""
    if not _day_matches(crontab, until):
        return 0
    count = bisect_right(crontab.hours, until.hour - 1) * len(crontab.minutes)
    if until.hour in crontab.hours:
        count += bisect_right(crontab.minutes, until.minute)
    return count


def _day_matches(crontab: Crontab, day: datetime) -> bool:
    if day.month not in crontab.months:
        return False
    by_date, by_weekday = day.day in crontab.days, day.isoweekday() % 7 in crontab.weekdays
    return by_date or by_weekday if crontab.either_day else by_date and by_weekday
