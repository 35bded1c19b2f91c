"""The outcome of an attempt: what it means for its execution, for a retry, for the job's schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from luajobs_kit.engine.runs.stop_reason import StopReason
from luajobs_kit.engine.state import State
from luajobs_kit.model import (
    Cause,
    Execution,
    ExecutionStatus,
    JobRecord,
    JobVersion,
    OnceSchedule,
    Retry,
    RunError,
)
from luajobs_kit.platform import Settings
from luajobs_kit.sandbox import Outcome
from luajobs_kit.sandbox.host.frame_inspection import LONGEST_ERROR, LONGEST_PLACE, LONGEST_TYPE
from luajobs_kit.store import FireState

LONGEST_BACKOFF: Final = 7 * 86_400.0  # seconds


@dataclass(frozen=True)
class End:
    """How an attempt, or a run that only waited, ended."""

    status: ExecutionStatus
    error: RunError | None
    duration: float | None  # milliseconds
    result: Any = None
    dropped: bool = False  # cancelled for what became of its job


def stopped_by(why: StopReason, duration: float | None) -> End:
    """Return the end of a run that was stopped."""
    return End(why.status, why.error, duration, dropped=why.job_state is not None)


def why_dropped(state: State, execution: Execution) -> StopReason | None:
    """Say why a run that waits is not to begin any more; None where it is.

    Only what is kept says so, the job's record before all: an engine that is started again
    comes to the same answer.
    """
    record = state.store.definitions.job(execution.job_id)
    if record is None or record.deleted:
        return StopReason.DELETED
    manual = execution.cause == "manual"
    if not record.active and not (manual and execution.deactivated_at == record.deactivated_at):
        return StopReason.INACTIVE
    if manual:
        return None
    if execution.version_id != record.active_version_id:
        return StopReason.REPLACED
    fire = state.fire(record)
    if not execution.attempts and fire.state == "paused":
        return StopReason.PAUSED
    if fire.last_fire is not None and not _is_of_this_arming(execution, fire, record):
        version = state.store.definitions.version(execution.version_id)
        if version is not None and isinstance(version.schedule, OnceSchedule):
            return StopReason.FIRED_ANEW
    return None


def new_execution(
    state: State, record: JobRecord, version: JobVersion, *, cause: Cause
) -> Execution:
    """Return a pending execution of a job's version."""
    return Execution(
        id=state.ids.new("exec"),
        job_id=record.id,
        job_name=record.name,
        version_id=version.id,
        version=version.version,
        user_id=record.user_id,
        cause=cause,
        deactivated_at=None if record.active else record.deactivated_at,
        created_at=state.clock.now(),
    )


def backoff(retry: Retry, number: int) -> float:
    """Return the seconds to wait before retry ``number`` (from 1)."""
    factor = {"fixed": 1, "linear": number, "exponential": 2.0 ** min(number - 1, 60)}
    return min(retry.backoff_seconds * factor[retry.backoff], LONGEST_BACKOFF)


def error_of(outcome: Outcome, settings: Settings) -> RunError | None:
    """Return an outcome's failure as it is kept and shown: without the workspace's secrets."""
    failure = outcome.error
    if failure is None:
        return None
    masked = settings.masked
    return RunError(
        type=masked(failure.type, LONGEST_TYPE),
        message=masked(failure.message, LONGEST_ERROR),
        line=failure.line,
        text=None if failure.text is None else masked(failure.text),
        file=failure.file,
        trace=[masked(line, LONGEST_PLACE) for line in failure.trace],
    )


def fire_after(
    state: State, execution: Execution, version: JobVersion, record: JobRecord, *, dropped: bool
) -> FireState | None:
    """Return what the outcome makes of the job's schedule, or None where it changes nothing.

    ``dropped`` says that the run was cancelled for what became of its job.
    """
    fire = state.fire(record)
    stopped = execution.status == "cancelled"
    if execution.cause == "manual":
        return None
    not_run = dropped and not execution.attempts
    if not_run:
        fire = fire.evolve(skipped=fire.skipped + 1)
    if not _is_of_this_arming(execution, fire, record):
        return fire if not_run else None
    completed = execution.status == "completed"
    failures = 0 if completed else fire.failures + (not stopped)
    fire = fire.evolve(failures=failures)
    if isinstance(version.schedule, OnceSchedule):
        done = completed or stopped
        note = None if done else f"its one run ended as {execution.status}"
        return fire.evolve(state="done" if done else "failed", note=note)
    most = version.pause_after_failures
    if most is not None and failures >= most and not completed:
        note = f"paused after {failures} failures in a row; activate() lets it run again"
        return fire.evolve(state="paused", note=note)
    return fire


def _is_of_this_arming(execution: Execution, fire: FireState, record: JobRecord) -> bool:
    """Whether the execution's fire belongs to what is armed now, not to what was before an edit.

    The time of the claim does not tell: a clock is set back, and a virtual one stands still.
    """
    if execution.armed_at is None:  # it was claimed by an older engine
        return execution.created_at >= fire.armed_at
    return execution.armed_at == fire.armed_at and execution.version_id == record.active_version_id
