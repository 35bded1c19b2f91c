"""Schedules: once, at an interval, or by cron. Their shapes are Lua's."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from luajobs_kit.model._document import Instant, Written


class _Schedule(Written):
    """A misspelt key in a schedule would silently change when a job runs."""


class OnceSchedule(_Schedule):
    """Run a single time, at ``execute_at``."""

    type: Literal["once"] = "once"
    execute_at: Instant
    after: float | None = None
    """Seconds from creation, when it was written that way (``once(minutes=10)``): two
    schedules written alike are the same declaration although their instants differ."""
    timezone: str | None = None
    """The IANA zone the time was written in, for showing it back."""


class IntervalSchedule(_Schedule):
    """Run every ``seconds``, counted from ``start`` (default: the moment of creation)."""

    type: Literal["interval"] = "interval"
    seconds: float
    start: Instant | None = None


class CronSchedule(_Schedule):
    """Run by a five-field cron expression, in an IANA zone (default UTC; Sunday is 0 or 7)."""

    type: Literal["cron"] = "cron"
    expression: str
    timezone: str | None = None


Schedule = Annotated[OnceSchedule | IntervalSchedule | CronSchedule, Field(discriminator="type")]
