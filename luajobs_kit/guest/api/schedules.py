"""``once``, ``every`` and ``cron`` inside a job: the engine reads them as it does a notebook's."""

from __future__ import annotations

import math
from datetime import datetime, tzinfo
from typing import Any

from luajobs_kit.argument_help import helping
from luajobs_kit.guest.api.records import Record, wrap
from luajobs_kit.guest.runtime.run import current


@helping
def once(
    at: datetime | str | None = None,
    *,
    seconds: float | None = None,
    minutes: float | None = None,
    hours: float | None = None,
    days: float | None = None,
) -> Record:
    """Return a schedule of a single run, at a time or after a while.

    Raises ``InvalidInput``, as in a notebook.
    """
    return _asked("once", at=at, seconds=seconds, minutes=minutes, hours=hours, days=days)


@helping
def every(
    seconds: float | None = None,
    minutes: float | None = None,
    hours: float | None = None,
    days: float | None = None,
    start: datetime | str | None = None,
) -> Record:
    """Return a schedule of a run at every interval. Raises ``InvalidInput``, as in a notebook."""
    return _asked("every", seconds=seconds, minutes=minutes, hours=hours, days=days, start=start)


@helping
def cron(expression: str, timezone: str | tzinfo | None = None) -> Record:
    """Return a schedule by a five-field cron expression, in an IANA zone (default UTC).

    Raises ``InvalidInput``, as in a notebook.
    """
    return _asked("cron", expression=expression, timezone=timezone)


def _asked(name: str, **options: Any) -> Record:
    arguments = {each: _sent(value) for each, value in options.items() if value is not None}
    arguments["now"] = current().clock.now()
    answer: Record = wrap(current().ask(f"schedule.{name}", arguments))
    return answer


def _sent(value: Any) -> Any:
    if issubclass(type(value), datetime):
        return {"datetime": datetime.isoformat(value)}
    if type(value) is float and not math.isfinite(value):
        return {"float": str(value)}
    if issubclass(type(value), tzinfo):
        return str(value)  # a ZoneInfo is shown by its name, UTC as UTC
    return value
