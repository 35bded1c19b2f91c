"""Schedules that job code asks for: ``once``, ``every`` and ``cron`` mean the same inside a run.

Job code has no parser of its own. It sends what it was given, and the builders of the notebook
answer it, with the same errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from luajobs_kit.errors import InvalidInput
from luajobs_kit.timing.builders import cron, every, once

_BUILDERS: Final[dict[str, Any]] = {"once": once, "every": every, "cron": cron}


class _Now:
    """The clock of the run that asks, which may be a virtual one."""

    def __init__(self, seconds: float) -> None:
        self._now = datetime.fromtimestamp(seconds, UTC)

    def now(self) -> datetime:
        return self._now


def requested(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schedule that ``name`` (once, every or cron) makes of the arguments, as JSON.

    ``now`` among them is the run's time, in seconds since 1970. What JSON has no form for comes as
    ``{"datetime": ISO text}`` or ``{"float": text}``. Raises ``InvalidInput``.
    """
    builder = _BUILDERS.get(name)
    now = arguments.get("now")
    if builder is None or not isinstance(now, int | float) or not 0 <= now < 2**38:
        raise InvalidInput(f"There is no request schedule.{name} like this.")
    options = {each: _read(value) for each, value in arguments.items() if each != "now"}
    clock = {"clock": _Now(now)} if name == "once" else {}
    schedule: dict[str, Any] = builder(**options, **clock).model_dump(mode="json", by_alias=True)
    return schedule


def _read(value: Any) -> Any:
    match value:
        case {"datetime": str(text)}:
            return datetime.fromisoformat(text)
        case {"float": str(text)}:
            return float(text)
        case _:
            return value
