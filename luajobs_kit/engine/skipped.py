"""Fires that are not run are told: in the job's log, and as an event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from luajobs_kit.engine.runs.outcome import Dropped
from luajobs_kit.engine.state import State
from luajobs_kit.model import Execution, FireSkipped, JobRecord

WHY: Final[dict[Dropped, str]] = {
    "deleted": "the job was deleted",
    "paused": "the job was paused",
    "inactive": "the job was deactivated",
    "replaced": "another version of the job was published",
}
"""Why what waits is cancelled for what became of its job."""


def tell_skipped(
    state: State, record: JobRecord, last: datetime | None, count: int, reason: str
) -> None:
    """Tell of ``count`` fires not run; ``last`` is the last of them, where it is known."""
    at = last.isoformat(timespec="seconds") if last else None
    if count == 1:
        fires = f"The fire due at {at} was" if at else "A fire was"
    else:
        fires = f"{count} fires, the last due at {at}, were" if at else f"{count} fires were"
    _log(state, record, f"{fires} not run: {reason}.")
    _publish(state, record, last, count, reason)


def tell_dropped(
    state: State, record: JobRecord, executions: Sequence[Execution], why: Dropped
) -> None:
    """Tell of runs that were cancelled while they waited, the fires among them as not run."""
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
    _log(state, record, f"{runs} cancelled ({counted}): {WHY[why]}.")
    if fires:
        _publish(
            state, record, fires[-1].fire_time, len(fires), f"{WHY[why]} before they could begin"
        )


def _log(state: State, record: JobRecord, message: str) -> None:
    state.log(message, level="warn", job=(record.id, record.name), user_id=record.user_id)


def _publish(
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
