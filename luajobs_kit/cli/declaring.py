"""A job declared on the command line: a Python file and a schedule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from luajobs_kit import timing
from luajobs_kit.bundle import capture
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import JobSpec, Schedule


def spec_of(
    file: Path,
    *,
    name: str | None,
    every: float | None,  # seconds
    expression: str | None,
    timezone: str | None,
    after: float | None,
    metadata: str | None,
) -> JobSpec:
    """Return what the options of ``luajobs jobs create`` declare. Raises ``InvalidInput``."""
    return JobSpec(
        name=name or file.stem,
        schedule=_schedule(every, expression, timezone, after),
        bundle=capture(file),
        metadata=_object(metadata),
    )


def _schedule(
    seconds: float | None, expression: str | None, timezone: str | None, after: float | None
) -> Schedule:
    given = [value for value in (seconds, expression, after) if value is not None]
    if len(given) != 1:
        raise InvalidInput(
            "Say when it runs with one of --every SECONDS, --cron EXPR or --in SECONDS."
        )
    if seconds is not None:
        return timing.every(seconds=seconds)
    if expression is not None:
        return timing.cron(expression, timezone)
    return timing.once(seconds=after)


def _object(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError as problem:
        raise InvalidInput(f"--metadata is no JSON: {problem}") from None
    if not isinstance(value, dict):
        raise InvalidInput('--metadata must be an object, such as \'{"message": "hello"}\'.')
    return value
