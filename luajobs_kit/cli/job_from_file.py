"""A job declared on the command line: a Python file and a schedule."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from luajobs_kit import timing
from luajobs_kit.bundle import capture
from luajobs_kit.cli.json_input import read_object
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import JobSpec, Schedule
from luajobs_kit.timing.typed_schedules import read_schedule


def spec_of(
    file: Path,
    *,
    name: str | None,
    every: str | None,
    expression: str | None,
    timezone: str | None,
    after: str | None,
    metadata: str | None,
) -> JobSpec:
    """Return what the options of ``luajobs jobs create`` declare. Raises ``InvalidInput``."""
    return JobSpec(
        name=name or file.stem,
        schedule=_schedule(every, expression, timezone, after),
        bundle=capture(file),
        metadata=read_object(
            "{}" if metadata is None else metadata, "--metadata", '{"message": "hello"}'
        ),
    )


def _schedule(
    every: str | None, expression: str | None, timezone: str | None, after: str | None
) -> Schedule:
    given = [value for value in (every, expression, after) if value is not None]
    if len(given) != 1 or (timezone and expression is None):
        raise InvalidInput(
            "Say when it runs with one of --every SPAN, --in SPAN, or --cron EXPR [--timezone ZONE]."
        )
    if expression is not None:
        return timing.cron(expression, timezone)
    word, span = ("every", every) if every is not None else ("in", after or "")
    unit = "s" if span.replace(".", "", 1).isdecimal() else ""  # a bare number is in seconds
    return read_schedule(f"{word} {span}{unit}", datetime.now(UTC))
