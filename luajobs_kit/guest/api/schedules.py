"""``once``, ``every`` and ``cron`` inside a job: they make Lua's dicts, the engine checks them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from luajobs_kit.calendar_units import instead_of_unit
from luajobs_kit.errors import InvalidInput
from luajobs_kit.guest.runtime.run import current


def once(
    at: datetime | None = None,
    *,
    seconds: float = 0,
    minutes: float = 0,
    hours: float = 0,
    days: float = 0,
    **others: float,
) -> dict[str, Any]:
    """Return a schedule of a single run, at a time or after a while."""
    _refuse_others("once", others)
    if at is not None:
        if at.tzinfo is None:
            raise InvalidInput("once(at=…) needs a time with its zone: datetime(…, tzinfo=UTC)")
        return {"type": "once", "executeAt": at.astimezone(UTC).isoformat()}
    wait = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if wait <= timedelta(0):
        raise InvalidInput("once() needs a time: once(minutes=10) or once(at=…)")
    due = datetime.fromtimestamp(current().clock.now(), UTC) + wait
    return {"type": "once", "executeAt": due.isoformat(), "after": wait.total_seconds()}


def every(
    *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0, **others: float
) -> dict[str, Any]:
    """Return a schedule of a run at every interval."""
    _refuse_others("every", others)
    interval = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    if interval <= 0:
        raise InvalidInput("every() needs an interval: every(minutes=5)")
    return {"type": "interval", "seconds": interval}


def cron(expression: str, timezone: str | None = None) -> dict[str, Any]:
    """Return a schedule by a five-field cron expression, in an IANA zone (default UTC)."""
    schedule = {"type": "cron", "expression": expression}
    return schedule if timezone is None else {**schedule, "timezone": timezone}


def _refuse_others(call: str, others: dict[str, float]) -> None:
    for name, amount in others.items():
        if advice := instead_of_unit(call, name, amount):
            raise InvalidInput(f"{call} has no {name!r}; {advice}.")
        raise TypeError(f"{call}() got an unexpected keyword argument {name!r}")
