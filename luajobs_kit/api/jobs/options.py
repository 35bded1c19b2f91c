"""Options of a job as people write them, read into what the engine is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from luajobs_kit.api._json_values import build
from luajobs_kit.bundle import capture
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import Bundle, OnceSchedule, Retry, Schedule, no_retry

Execute = Callable[..., Any] | Callable[..., Awaitable[Any]]
RetryLike = Retry | Mapping[str, Any] | None
ScheduleLike = Schedule | Mapping[str, Any]


def bundle_of(execute: Execute | None, source: str | Path | None) -> Bundle:
    """Return the bundle of the one that was given. Raises ``InvalidInput`` for none or both."""
    if (execute is None) == (source is None):
        raise InvalidInput(
            "Give the job's function as execute=, or its text as source=, and not both.",
            field="execute",
        )
    return capture(execute if execute is not None else source)  # type: ignore[arg-type]  # one is set


def schedule_of(schedule: ScheduleLike, now: Callable[[], datetime]) -> Schedule:
    """Return a checked schedule; one written relative to now counts from now."""
    from luajobs_kit.timing import parse_schedule  # noqa: PLC0415 - it loads APScheduler, which is slow

    checked = parse_schedule(schedule, now=now(), check_past=False)
    if isinstance(checked, OnceSchedule) and checked.after is not None:
        return checked.evolve(execute_at=now() + timedelta(seconds=checked.after))
    return checked


def retry_of(retry: RetryLike) -> Retry:
    """Return the retry; a dict may spell its keys either way, and none wrongly."""
    if retry is None or isinstance(retry, Retry):
        return retry or Retry()
    if not isinstance(retry, Mapping):
        raise no_retry(retry)
    return build(Retry, "retry", **retry)
