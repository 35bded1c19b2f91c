"""``datetime`` and ``time`` on a simulation's clock, and ``time.sleep`` on either clock."""

from __future__ import annotations

import datetime as real  # noqa: ICN001  # ours are made beside the real ones
import time
from typing import Any, Self

from luajobs_kit.guest.guards.class_creation import let_inherit
from luajobs_kit.guest.runtime.run import Run, current


def sleep(seconds: float, /) -> None:
    """Let time pass, and nothing else of the job run meanwhile."""
    if seconds != seconds:  # noqa: PLR0124  # only NaN is unlike itself
        raise ValueError("Invalid value NaN (not a number)")
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    current().loop.block(seconds)


def datetime_names(run: Run) -> dict[str, Any]:
    """Return the classes of ``datetime`` that know what time it is."""
    run.datetime = _virtual_datetime(run)
    return {"datetime": run.datetime, "date": _virtual_date(run)}


class _LikeDatetime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, real.datetime)


class _LikeDate(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, real.date)


def _virtual_datetime(run: Run) -> Any:
    class datetime(real.datetime, metaclass=_LikeDatetime):  # noqa: N801  # stands in for datetime
        @classmethod
        def now(cls, tz: real.tzinfo | None = None) -> Self:
            return cls.fromtimestamp(run.clock.now(), tz)

        @classmethod
        def utcnow(cls) -> Self:
            return cls.fromtimestamp(run.clock.now(), real.UTC).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Self:
            return cls.now()

    return _named_as(datetime, real.datetime)


def _virtual_date(run: Run) -> Any:
    class date(real.date, metaclass=_LikeDate):  # noqa: N801  # stands in for date
        @classmethod
        def today(cls) -> Self:
            return cls.fromtimestamp(run.clock.now())

    return _named_as(date, real.date)


def _named_as(made: Any, known: type) -> Any:
    made.__qualname__ = known.__qualname__
    made.__module__ = known.__module__
    let_inherit(made)
    return made


def time_names(run: Run) -> dict[str, Any]:
    """Return the functions of ``time`` that read a clock."""
    clock = run.clock

    def now_ns() -> int:
        return int(clock.now() * 1e9)

    def monotonic_ns() -> int:
        return int(clock.monotonic() * 1e9)

    def now_or(seconds: float | None) -> float:
        return clock.now() if seconds is None else seconds

    def gmtime(seconds: float | None = None) -> time.struct_time:
        return time.gmtime(now_or(seconds))

    def localtime(seconds: float | None = None) -> time.struct_time:
        return time.localtime(now_or(seconds))

    def ctime(seconds: float | None = None) -> str:
        return time.ctime(now_or(seconds))

    def asctime(moment: Any = None) -> str:
        return time.asctime(localtime() if moment is None else moment)

    def strftime(layout: str, moment: Any = None) -> str:
        return time.strftime(layout, localtime() if moment is None else moment)

    return {
        "time": clock.now,
        "time_ns": now_ns,
        "monotonic": clock.monotonic,
        "monotonic_ns": monotonic_ns,
        "perf_counter": clock.monotonic,
        "perf_counter_ns": monotonic_ns,
        "gmtime": gmtime,
        "localtime": localtime,
        "ctime": ctime,
        "asctime": asctime,
        "strftime": strftime,
    }
