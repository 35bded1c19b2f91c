"""Jobs as people see them: shown with versions and history, announced, their fires reported."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from luajobs_kit.engine.runs.stop_reason import StopReason
from luajobs_kit.engine.state import State
from luajobs_kit.errors import Conflict
from luajobs_kit.model import (
    Change,
    Execution,
    FireSkipped,
    Job,
    JobRecord,
    JobStatus,
    JobUpdated,
    JobVersion,
)
from luajobs_kit.timing import describe_count, why_unreadable

NEW_ZONES: Final = "A zone that is new comes with `pip install -U tzdata` and a start of the engine"


def show(state: State, record: JobRecord, *, change: Change | None = None) -> Job:
    """Return the job as every face sees it."""
    versions = [
        version.evolve(active=True) if version.id == record.active_version_id else version
        for version in state.store.definitions.versions(record.id)
    ]
    active = next((version for version in versions if version.active), None)
    fire = state.fire(record)
    last = state.last.get(record.id)
    return Job(
        **vars(record) | {"active": record.active and fire.state == "armed"},
        status=status(record, fire.state),
        active_version=active,
        versions=versions,
        last_run_at=last.started_at if last else None,
        next_run_at=None if record.id in state.unrecorded else state.next_fires.get(record.id),
        last_execution=as_of(last, state.clock.now()) if last else None,
        note=fire.note or _why_it_waits(state, record) or why_it_cannot_fire(state, record),
        skipped_fires=fire.skipped,
        change=change,
    )


def announce(state: State, record: JobRecord) -> None:
    """Publish the job as it now is, after a change that people see."""
    if state.events.announces_jobs:
        state.events.publish(JobUpdated(at=state.clock.now(), job=show(state, record)))


def as_of(execution: Execution, now: datetime) -> Execution:
    """Return an execution as every face sees it now: without a ``next_attempt_at`` that passed.

    Its jitter or backoff is over then, but it may still wait for its turn, and nobody knows how
    long. The record keeps the time: after a restart the engine goes by it.
    """
    due = execution.next_attempt_at
    return execution.evolve(next_attempt_at=None) if due is not None and due <= now else execution


def status(record: JobRecord, fire_state: str) -> JobStatus:
    """Return Lua's word for a job: inactive if it is switched off, else what its runs led to."""
    if not record.active:
        return "inactive"
    if fire_state == "paused":
        return "paused"
    if fire_state == "failed":
        return "failed"
    return "inactive" if fire_state == "done" else "active"


def active_version(state: State, record: JobRecord) -> JobVersion:
    """Return the version that fires run. Raises ``Conflict`` where damage has taken it."""
    version = state.store.definitions.version(record.active_version_id or "")
    if version is None:  # job and version are committed together, so a file was damaged
        raise Conflict(
            f"The active version of {record.name} is lost (luajobs doctor says how). Publish another "
            "of its versions, or create the job again.",
            job_id=record.id,
        )
    return version


def _why_it_waits(state: State, record: JobRecord) -> str | None:
    why = state.unrecorded.get(record.id)
    return why and f"It fires again when its fires can be recorded: {why}"


def why_it_cannot_fire(state: State, record: JobRecord) -> str | None:
    """Say why no fire of the job can be worked out on this machine, in a sentence; None where it can."""
    if record.id in state.next_fires:
        return None
    try:
        why = why_unreadable(active_version(state, record).schedule)
    except Conflict as lost:
        return f"It cannot fire: {lost.message}"
    return why and f"It cannot fire: {why} {NEW_ZONES}; or create it again with another schedule."


def report_skipped(
    state: State, record: JobRecord, last: datetime | None, count: int, reason: str
) -> None:
    """Log and publish that ``count`` fires are not run; ``last`` is the last of them, if known."""
    at = last.isoformat(timespec="seconds") if last else None
    if count == 1:
        fires = f"The fire due at {at} was" if at else "A fire was"
    else:
        number = describe_count(count)
        fires = f"{number} fires, the last due at {at}, were" if at else f"{number} fires were"
    _log(state, record, f"{fires} not run: {reason}.")
    _publish_skipped(state, record, last, count, reason)


def report_dropped(
    state: State, record: JobRecord, executions: Sequence[Execution], why: StopReason
) -> None:
    """Log that runs were cancelled while they waited; publish the fires among them as skipped."""
    by_hand = [each for each in executions if each.cause == "manual"]
    fires = [each for each in executions if each.cause != "manual" and not each.attempts]
    retries = len(executions) - len(by_hand) - len(fires)
    kinds = {"of its fires": len(fires), "for a retry": retries, "by hand": len(by_hand)}
    counted = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
    runs = (
        "1 run that waited was"
        if len(executions) == 1
        else f"{len(executions)} runs that waited were"
    )
    _log(state, record, f"{runs} cancelled ({counted}): {why.job_state}.")
    if fires:
        _publish_skipped(
            state,
            record,
            fires[-1].fire_time,
            len(fires),
            f"{why.job_state} before they could begin",
        )


def _log(state: State, record: JobRecord, message: str) -> None:
    state.log(message, level="warn", job=(record.id, record.name), user_id=record.user_id)


def _publish_skipped(
    state: State, record: JobRecord, last: datetime | None, count: int, reason: str
) -> None:
    state.events.publish(
        FireSkipped(
            at=state.clock.now(),
            job_id=record.id,
            job_name=record.name,
            fire_time=last,
            count=count,
            reason=reason,
        )
    )
