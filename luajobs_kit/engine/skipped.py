"""Fires that are not run are told: in the job's log, and as an event."""

from __future__ import annotations

from datetime import datetime

from luajobs_kit.engine.state import State
from luajobs_kit.model import FireSkipped, JobRecord


def tell_skipped(
    state: State, record: JobRecord, last: datetime | None, count: int, reason: str
) -> None:
    """Tell of ``count`` fires not run; ``last`` is the last of them, where it is known."""
    at = last.isoformat(timespec="seconds") if last else None
    if count == 1:
        fires = f"The fire due at {at} was" if at else "A fire was"
    else:
        fires = f"{count} fires, the last due at {at}, were" if at else f"{count} fires were"
    state.log(
        f"{fires} not run: {reason}.",
        level="warn",
        job=(record.id, record.name),
        user_id=record.user_id,
    )
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
