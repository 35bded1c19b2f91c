"""Schedules as APScheduler triggers, and the fires they give. All fire times are in UTC."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import islice, pairwise, takewhile
from typing import Final

from apscheduler.triggers.base import BaseTrigger

from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import CronSchedule, IntervalSchedule, OnceSchedule, Schedule
from luajobs_kit.timing.builders import read_interval
from luajobs_kit.timing.cron_fires import cron_fires
from luajobs_kit.timing.crontab import read_crontab
from luajobs_kit.timing.description import MOST_COUNTED
from luajobs_kit.timing.zones import zone_named

_MICROSECOND: Final = timedelta(microseconds=1)


class Trigger(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """A trigger that can also count the fires of a span."""

    __slots__ = ()

    @abstractmethod
    def fires(self, after: datetime | None) -> Iterator[datetime]:
        """Give the fires strictly after ``after`` in order; None: all since the schedule was armed."""

    def count(self, after: datetime, until: datetime, most: int) -> int:
        """Return how many fires lie in (after, until]; ``most`` where there are more."""
        return _count(self.fires(after), until, most)

    def get_next_fire_time(
        self,
        previous_fire_time: datetime | None,
        now: datetime,  # noqa: ARG002 - APScheduler's signature
    ) -> datetime | None:
        """Return the fire that follows ``previous_fire_time``, whether past or to come; None: the first."""
        return next(self.fires(previous_fire_time), None)


class _OnceTrigger(Trigger):
    __slots__ = ("_at",)

    def __init__(self, at: datetime) -> None:
        self._at = at

    def fires(self, after: datetime | None) -> Iterator[datetime]:
        if after is None or after < self._at:
            yield self._at


class _IntervalTrigger(Trigger):
    __slots__ = ("_anchor", "_armed_at", "_period")

    def __init__(self, seconds: float, start: datetime | None, armed_at: datetime) -> None:
        self._period = timedelta(seconds=seconds)
        self._anchor = start or armed_at
        self._armed_at = armed_at

    def fires(self, after: datetime | None) -> Iterator[datetime]:
        number = self._number(after) + 1
        try:
            while True:
                yield self._anchor + number * self._period
                number += 1
        except OverflowError:  # the year 10000
            return

    def _number(self, moment: datetime | None) -> int:
        """Return the number of the last fire at or before a moment; below the first, one less than it."""
        moment = self._armed_at if moment is None else max(moment, self._armed_at)
        return max(-1, (moment - self._anchor) // self._period)


class _CronTrigger(Trigger):
    __slots__ = ("_armed_at", "_expression", "_zone")

    def __init__(self, expression: str, zone: tzinfo, armed_at: datetime) -> None:
        self._expression = expression
        self._zone = zone
        self._armed_at = armed_at

    def fires(self, after: datetime | None) -> Iterator[datetime]:
        start = self._armed_at if after is None else max(after, self._armed_at)
        return cron_fires(self._expression, self._zone, start)

    def count(self, after: datetime, until: datetime, most: int) -> int:
        start = max(after, self._armed_at)
        return _count_cron_fires(self._expression, self._zone, start, until, most)


@lru_cache(maxsize=256)  # after an outage, jobs of one expression have missed the same fires
def _count_cron_fires(
    expression: str, zone: tzinfo, after: datetime, until: datetime, most: int
) -> int:
    return _count(cron_fires(expression, zone, after), until, most)


def _count(fires: Iterator[datetime], until: datetime, most: int) -> int:
    return sum(1 for _ in islice(takewhile(lambda fire: fire <= until, fires), most))


def trigger_for(schedule: Schedule, *, armed_at: datetime) -> Trigger:
    """Return the trigger of a schedule that counts from ``armed_at`` (aware).

    An interval and a cron schedule fire strictly after ``armed_at``; a once-schedule at
    its own time, also when that had passed by then.

    Raises ``InvalidInput`` for a schedule that was valid where it was declared, and is not here:
    its zone is unknown to this machine, or its file was edited by hand.
    """
    armed_at = armed_at.astimezone(UTC)
    match schedule:
        case OnceSchedule():
            return _OnceTrigger(schedule.execute_at)
        case IntervalSchedule():
            seconds = read_interval(schedule.seconds, "seconds")
            return _IntervalTrigger(seconds, schedule.start, armed_at)
        case CronSchedule():
            read_crontab(schedule.expression)
            return _CronTrigger(schedule.expression, zone_named(schedule.timezone), armed_at)


def why_unreadable(schedule: Schedule) -> str | None:
    """Say what of a schedule is unknown to this machine, in a sentence; None where all is known."""
    try:
        trigger_for(schedule, armed_at=datetime.now(UTC))
    except InvalidInput as problem:
        return problem.message
    return None


def fires_after(
    schedule: Schedule, after: datetime | None, *, armed_at: datetime
) -> Iterator[datetime]:
    """Give the fires strictly after ``after``, in UTC; None: all since ``armed_at``."""
    return trigger_for(schedule, armed_at=armed_at).fires(after and after.astimezone(UTC))


def next_fire(schedule: Schedule, after: datetime | None, *, armed_at: datetime) -> datetime | None:
    """Return the first fire strictly after ``after``; None when there is none.

    With ``after=None`` (nothing has fired yet) a once-schedule gives its time even if that
    is past; with ``after=now`` it would be lost.
    """
    return next(fires_after(schedule, after, armed_at=armed_at), None)


def shortest_wait(schedule: Schedule) -> timedelta | None:
    """Return the shortest time between two fires of a schedule; None for one that fires once.

    Of a cron schedule, among its first hundred fires in a year of UTC: a change of clocks, which moves
    a fire once or twice a year, is left out.
    """
    match schedule:
        case OnceSchedule():
            return None
        case IntervalSchedule():
            return timedelta(seconds=schedule.seconds)
        case CronSchedule():
            return _shortest_cron_wait(schedule.expression)


@lru_cache(maxsize=256)
def _shortest_cron_wait(expression: str) -> timedelta | None:
    fires = islice(cron_fires(expression, UTC, datetime(2024, 1, 1, tzinfo=UTC)), 100)
    return min((later - fire for fire, later in pairwise(fires)), default=None)


def jittered(fire: datetime, jitter: float, job_id: str) -> datetime:
    """Return the fire moved later by up to ``jitter`` seconds, by the same amount each time it is asked.

    The amount comes from the job and the fire, so a restart does not draw again.
    """
    if jitter <= 0:
        return fire
    seed = hashlib.blake2b(f"{job_id} {fire.timestamp()}".encode(), digest_size=8).digest()
    share = int.from_bytes(seed, "big") / 2**64
    return fire + timedelta(seconds=jitter * share) // _MICROSECOND * _MICROSECOND


def due_fires(
    trigger: Trigger, first: datetime, now: datetime, keep: int
) -> tuple[list[datetime], int]:
    """Return the newest fires of [first, now], at most ``keep``, and how many older ones there were.

    ``first`` is itself a fire. More than ``MOST_COUNTED`` older ones are counted as
    ``MOST_COUNTED + 1``, so that an outage of years costs no more than one of a day.
    """
    total = 1 + trigger.count(first, now, keep + MOST_COUNTED)
    if total <= keep:
        return [first, *_span(trigger, first, now)], 0
    early, late = first, now  # fires after `early` are more than `keep`; after `late`, at most that
    while late - early > timedelta(seconds=1):  # no schedule fires twice in a second
        middle = early + (late - early) / 2
        if trigger.count(middle, now, keep + 1) > keep:
            early = middle
        else:
            late = middle
    fires = _span(trigger, early, now)[-keep:]
    return fires, total - len(fires)


def _span(trigger: Trigger, after: datetime, until: datetime) -> list[datetime]:
    return list(takewhile(lambda fire: fire <= until, trigger.fires(after)))
