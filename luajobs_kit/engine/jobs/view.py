"""A job as shown: its record, its versions, and what history knows of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from luajobs_kit.errors import Conflict
from luajobs_kit.model import Change, Execution, Job, JobRecord, JobStatus, JobVersion

if TYPE_CHECKING:
    from luajobs_kit.engine.state import State


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
        **dict(record) | {"active": record.active and fire.state == "armed"},
        status=status(record, fire.state),
        active_version=active,
        versions=versions,
        last_run_at=last.started_at if last else None,
        next_run_at=state.next_fires.get(record.id),
        last_execution=as_of(last, state.clock.now()) if last else None,
        note=fire.note,
        skipped_fires=fire.skipped,
        change=change,
    )


def as_of(execution: Execution, now: datetime) -> Execution:
    """Return an execution as every face sees it now.

    One whose jitter or backoff is over may still wait for its turn, which has no time; what is
    kept of it says when it was to begin, and goes by that after a restart.
    """
    due = execution.next_attempt_at
    return execution.evolve(next_attempt_at=None) if due is not None and due <= now else execution


def status(record: JobRecord, fire_state: str) -> JobStatus:
    """Return Lua's word for a job: switched off wins, then what its runs made of it."""
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
    if version is None:  # a job and its first version are committed together: a file was damaged
        raise Conflict(
            f"The active version of {record.name} is lost (luajobs doctor says how). Publish another "
            "of its versions, or create the job again.",
            job_id=record.id,
        )
    return version
