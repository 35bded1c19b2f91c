"""The checks of declarations, and the comparison of one with another."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final, TypeVar

from luajobs_kit.engine.jobs.view import NEW_ZONES
from luajobs_kit.engine.state import State
from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import shortened
from luajobs_kit.model import (
    DEFAULT_TIMEOUT,
    Bundle,
    CronSchedule,
    Declaration,
    Schedule,
    changed_fields,
)
from luajobs_kit.name_rules import check_name
from luajobs_kit.page_bounds import check_count
from luajobs_kit.platform.size_limits import check_object
from luajobs_kit.store.transfer.json_export import Declared
from luajobs_kit.timing import next_fire, parse_schedule, shortest_wait, why_unreadable

MAX_GRANTS: Final = 200  # names of tools, or of settings
MAX_METADATA: Final = 262_144  # characters of JSON
MOST_COUNTED: Final = 1_000_000  # failures until a job pauses, and runs of it at once
MAX_RETRIES: Final = 100
MAX_BACKOFF: Final = 7 * 86_400.0  # seconds

_LOOKS_LIKE_JAVASCRIPT = re.compile(
    r"=>|^\s*(?:async\s+)?function\b|\b(?:const|let|var)\s+\w+\s*=|\bexports?\b\s*[.=]|;\s*$",
    re.MULTILINE,
)

D = TypeVar("D", bound=Declaration)


def with_timeout(spec: D, timeout_ceiling: float) -> D:
    """Return the declaration with the default timeout, where none was asked for."""
    if spec.timeout is not None:
        return spec
    return spec.evolve(timeout=min(DEFAULT_TIMEOUT, timeout_ceiling))


def check_declaration(
    spec: D, *, now: datetime, timeout_ceiling: float, kept: Schedule | None = None
) -> D:
    """Return the declaration with its timeout and its schedule's times fixed.

    A time that has passed is refused, but for the one of ``kept``, the schedule that is active.
    Raises ``InvalidInput``.
    """
    spec = with_timeout(spec, timeout_ceiling)
    if spec.timeout is None or not 1 <= spec.timeout <= timeout_ceiling:  # refuses NaN, too
        raise InvalidInput(
            f"timeout={spec.timeout:g} is outside 1 to {timeout_ceiling:g} seconds. "
            "The ceiling is the workspace's setting timeout_ceiling.",
            field="timeout",
        )
    _check_retry(spec)
    check_metadata(spec.metadata)
    if not 0 <= spec.jitter <= 86_400:
        raise InvalidInput(f"jitter={spec.jitter:g} is outside 0 to 86400 seconds.", field="jitter")
    for field in ("tools", "env"):
        _check_grants(getattr(spec, field), field)
    for field in ("pause_after_failures", "max_concurrent"):
        value = getattr(spec, field)
        if value is not None:
            check_count(value, field, MOST_COUNTED)
    schedule = parse_schedule(spec.schedule, now=now, check_past=spec.schedule != kept)
    if isinstance(schedule, CronSchedule) and next_fire(schedule, now, armed_at=now) is None:
        raise InvalidInput(
            f"cron {schedule.expression!r} never fires, for there is no such date; choose a day "
            "that the month has.",
            field="expression",
            value=schedule.expression,
        )
    if spec.overlap == "skip":
        _check_jitter(spec.jitter, schedule)
    return spec.evolve(schedule=schedule)


def _check_jitter(jitter: float, schedule: Schedule) -> None:
    """Raise ``InvalidInput`` for fires that would be skipped for one that waits for its jitter."""
    wait = shortest_wait(schedule) if jitter else None
    if wait is not None and jitter > wait.total_seconds():
        seconds = f"{wait.total_seconds():g}"
        raise InvalidInput(
            f"jitter={jitter:g} is longer than the {seconds} seconds between two fires, and "
            "overlap='skip' leaves out each fire that comes while the one before it still waits. "
            f"Give jitter={seconds} or less, or choose overlap='queue' or 'allow'.",
            field="jitter",
        )


def refuse_foreign(state: State, brought: Declared) -> None:
    """Raise ``InvalidInput`` for an import whose settings or jobs are of no use on this machine.

    A job that is here already, with the schedule that the import has, changes nothing and may come.
    """
    state.settings.check(brought.settings)
    schedules = {version.id: version.schedule for version in brought.versions}
    for job in brought.jobs:
        schedule = schedules.get(job.active_version_id or "")
        here = state.store.definitions.version(job.active_version_id or "")
        if schedule is None or not job.active or job.deleted:
            continue
        if (why := why_unreadable(schedule)) and (here is None or here.schedule != schedule):
            raise InvalidInput(
                f"The job {job.name!r} of the import could not fire on this machine, and nothing was "
                f"imported. {why} {NEW_ZONES}; or change or deactivate the job where it comes from.",
                name=job.name,
            )


def _check_grants(names: list[str] | None, field: str) -> None:
    """Raise ``InvalidInput`` for a list of tools or settings that has no proper names."""
    if names is None:
        return
    if len(names) > MAX_GRANTS:
        raise InvalidInput(
            f"{field} lists {len(names)} names; {MAX_GRANTS} is the most.", field=field
        )
    for name in names:
        what = "a tool in tools" if field == "tools" else "a setting in env"
        check_name(name, what, field=field, example="weather")
        if field == "tools" and name.startswith("tools."):
            raise InvalidInput(
                f"tools lists {name!r}; write the tool's own name, {name.removeprefix('tools.')!r}.",
                field=field,
            )


def _check_retry(spec: Declaration) -> None:
    retry = spec.retry
    if not 0 <= retry.max_attempts <= MAX_RETRIES:
        raise InvalidInput(
            f"retry maxAttempts={shortened(retry.max_attempts)} is outside 0 to {MAX_RETRIES}; "
            "it counts the retries after the first try.",
            field="retry.maxAttempts",
        )
    if not 0 <= retry.backoff_seconds <= MAX_BACKOFF:
        raise InvalidInput(
            f"retry backoffSeconds={retry.backoff_seconds:g} is outside 0 to {MAX_BACKOFF:g}.",
            field="retry.backoffSeconds",
        )


def check_metadata(metadata: dict[str, Any]) -> None:
    """Raise ``InvalidInput`` with the path of the first value that is not JSON."""
    check_object(metadata, "metadata", MAX_METADATA)


def refuse_javascript(bundle: Bundle) -> None:
    """Raise ``InvalidInput`` that says so when code is JavaScript; otherwise do nothing."""
    try:
        compile(bundle.source, bundle.file, "exec", flags=0x400)  # ast.PyCF_ONLY_AST: nothing runs
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        if _LOOKS_LIKE_JAVASCRIPT.search(bundle.source):
            raise InvalidInput(
                "This code is JavaScript; this workspace runs Python. Write the job's function in "
                "Python and create it with luajobs_kit (Jobs.create(..., execute=…)), or send "
                "Python source as 'code'.",
                field="code",
            ) from None


def only_words_differ(one: Declaration, other: Declaration) -> bool:
    """Whether two declarations run the same code at the same times, with other words or metadata."""
    words = {"description", "metadata"}
    differs = {change.field for change in changed_fields(one, other)}
    return one.schedule == other.schedule and differs <= words


def merge_declared(
    living: dict[str, Any], before: dict[str, Any], declared: dict[str, Any]
) -> dict[str, Any]:
    """Return the job's metadata, with only those keys changed whose declaration changed.

    ``before`` was declared last, ``declared`` is declared now. A key that is no longer declared is
    removed, unless a run has changed its value since.
    """
    merged = dict(living)
    merged |= {
        key: value for key, value in declared.items() if key not in before or before[key] != value
    }
    for key, value in before.items():
        if key not in declared and merged.get(key) == value:
            merged.pop(key, None)
    return merged
