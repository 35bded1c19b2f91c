"""Schedules as people write them in code: ``once(minutes=10)``, ``every(hours=1)``, ``cron("0 8 * * 1")``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from numbers import Real
from typing import Final
from zoneinfo import ZoneInfo

from luajobs_kit.argument_help import helping
from luajobs_kit.clock import Clock, SystemClock
from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import shortened
from luajobs_kit.model import CronSchedule, IntervalSchedule, OnceSchedule
from luajobs_kit.timing.crontab import read_crontab
from luajobs_kit.timing.durations import LONGEST, read_number
from luajobs_kit.timing.instants import read_instant
from luajobs_kit.timing.zones import local_zone, zone_named

SHORTEST: Final = 1.0  # seconds between two fires of an interval
LONGEST_BARE: Final = 1e8  # what is more was meant as a time stamp, not as a length

_SECONDS: Final = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0}


@helping
def once(
    at: datetime | str | None = None,
    *,
    seconds: float | None = None,
    minutes: float | None = None,
    hours: float | None = None,
    days: float | None = None,
    clock: Clock | None = None,
) -> OnceSchedule:
    """Run a single time: at a datetime, or after the sum of what is given.

    A naive ``at`` is the caller's local time. A time in the past is refused when the job
    is created, not here: a cell whose job has long run may be run again.

    Raises ``InvalidInput``.
    """
    lengths = {"seconds": seconds, "minutes": minutes, "hours": hours, "days": days}
    given = {unit: amount for unit, amount in lengths.items() if amount is not None}
    if at is not None:
        if given:
            raise InvalidInput(
                f"once() takes a time or a length, not both; leave out at or {', '.join(given)}."
            )
        if isinstance(at, Real) and not isinstance(at, bool) and abs(at) < LONGEST_BARE:
            raise InvalidInput(
                f"once({at}) does not say of what; write once(seconds={at}), or once(minutes={at}).",
                field="at",
                value=repr(at),
            )
        instant, zone = read_instant(at, "at")
        return OnceSchedule(execute_at=instant, timezone=zone)
    if not given:
        raise InvalidInput("once() needs to know when: once(minutes=10), or once(at=datetime(…)).")
    after = _sum(given, "once")
    if after < 0:
        raise InvalidInput(
            f"once() of {after:g} seconds lies in the past; give a length of 0 or more.",
            value=after,
        )
    now = (clock or SystemClock()).now()
    return OnceSchedule(
        execute_at=now + timedelta(seconds=after), after=after, timezone=local_zone()[1]
    )


@helping
def every(
    seconds: float | None = None,
    minutes: float | None = None,
    hours: float | None = None,
    days: float | None = None,
    start: datetime | str | None = None,
) -> IntervalSchedule:
    """Run at a fixed interval, the sum of what is given, of at least one second.

    Counted from the moment the job is created, or from ``start``, which is then a fire
    itself: ``every(hours=1, start=datetime(2026, 1, 1, 0, 15))`` is a quarter past each
    hour. What a run takes moves nothing. Days are of 24 hours; for "each day at 8" in a
    zone with daylight saving use ``cron``.

    Raises ``InvalidInput``.
    """
    lengths = {"seconds": seconds, "minutes": minutes, "hours": hours, "days": days}
    given = {unit: amount for unit, amount in lengths.items() if amount is not None}
    if not given:
        raise InvalidInput(
            "every() needs a length: every(minutes=5), or every(hours=1, minutes=30)."
        )
    length = read_interval(_sum(given, "every"), "every()")
    return IntervalSchedule(
        seconds=length, start=None if start is None else read_instant(start, "start")[0]
    )


@helping
def cron(expression: str, timezone: str | tzinfo | None = None) -> CronSchedule:
    """Run by a five-field cron expression, as Debian's cron would, in an IANA zone (default UTC).

    Minute, hour, day of month, month, day of week; Sunday is 0 or 7.

    Raises ``InvalidInput`` that names the field, the value and the reason.
    """
    if not isinstance(expression, str):
        raise InvalidInput(
            f'cron() takes its five fields as one text, such as "0 8 * * 1", not {shortened(expression)}.',
            field="expression",
        )
    if timezone is UTC:
        timezone = "UTC"
    name = timezone.key if isinstance(timezone, ZoneInfo) else timezone
    if name is not None:
        zone_named(name)  # type: ignore[arg-type]  # another tzinfo has no name, and is refused with words
    read_crontab(expression)
    return CronSchedule(expression=expression.strip(" \t"), timezone=name)


def read_interval(value: object, field: str) -> float:
    """Return an interval in seconds. Raises ``InvalidInput`` when it is no number, too short or too long."""
    seconds = read_number(value, field)
    if seconds < SHORTEST:
        raise InvalidInput(
            f"{field} is {seconds:g} seconds; the shortest interval is {SHORTEST:g} second. "
            "For what is more frequent, loop inside one run.",
            value=seconds,
        )
    _refuse_too_long(seconds, field)
    return seconds


def _sum(given: dict[str, float], name: str) -> float:
    total = sum(
        read_number(amount, f"{name}({unit}=…)", unit) * _SECONDS[unit]
        for unit, amount in given.items()
    )
    _refuse_too_long(total, f"{name}()")
    return total


def _refuse_too_long(seconds: float, field: str) -> None:
    if seconds > LONGEST:
        raise InvalidInput(
            f"{field} of {seconds:g} seconds is more than 100 years; is the unit right?",
            value=seconds,
        )
