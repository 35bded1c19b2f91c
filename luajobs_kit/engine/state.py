"""What the parts of an engine share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from weakref import WeakValueDictionary

from luajobs_kit.clock import Clock
from luajobs_kit.engine.events import Events
from luajobs_kit.engine.runs.runner import Runner
from luajobs_kit.ids import Ids
from luajobs_kit.model import (
    Execution,
    JobRecord,
    JobUpdated,
    Level,
    LogLine,
    LogSource,
    LogWritten,
)
from luajobs_kit.platform import Settings
from luajobs_kit.store import FireState, Store
from luajobs_kit.timing import Scheduler


@dataclass
class State:
    """The stores, the clock, the events, and what of history is asked for all the time."""

    store: Store
    clock: Clock
    ids: Ids
    events: Events
    settings: Settings
    runner: Runner
    scheduler: Scheduler
    fires: dict[str, FireState] = field(default_factory=dict)
    """The fire state of every job, as history has it."""
    last: dict[str, Execution] = field(default_factory=dict)
    """The newest execution of every job."""
    next_fires: dict[str, datetime] = field(default_factory=dict)
    """The nominal time of the next fire of every armed job."""
    _arming: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def arming(self, job_id: str) -> asyncio.Lock:
        """Return what is held while the job is armed, its fires are claimed, or a run's end is kept.

        Each reads where the schedule stands, writes, and remembers: in between nobody else may.
        """
        return self._arming.setdefault(job_id, asyncio.Lock())

    def disarm(self, job_id: str) -> None:
        """Take the job from the scheduler."""
        self.scheduler.remove(job_id)
        self.next_fires.pop(job_id, None)

    def fire(self, record: JobRecord) -> FireState:
        """Return the fire state of the job's present arming."""
        since = record.armed_at or record.created_at
        fire = self.fires.get(record.id)
        if fire is None or fire.armed_at != since:  # of another arming; clocks go back
            return FireState(job_id=record.id, armed_at=since, skipped=fire.skipped if fire else 0)
        return fire

    async def keep_fire(self, fire: FireState) -> None:
        """Write a fire state, then remember it."""
        await self.store.history.set_fire(fire)
        self.remember_fire(fire)

    def remember_fire(self, fire: FireState) -> None:
        """Take over what was written, as history did: watermark and count never go back."""
        self.fires[fire.job_id] = _forward(fire, self.fires.get(fire.job_id))

    async def keep_dealt_with(self, fire: FireState) -> None:
        """Write how far a job's fires are dealt with, then remember it."""
        await self.store.history.advance_fire(fire)
        self.remember_dealt_with(fire)

    def remember_dealt_with(self, fire: FireState) -> None:
        """Take over how far its fires are dealt with; a run may have ended since it was worked out."""
        known = self.fires.get(fire.job_id)
        if known is not None and known.armed_at == fire.armed_at:
            fire = known.evolve(last_fire=fire.last_fire, skipped=fire.skipped)
        self.fires[fire.job_id] = _forward(fire, known)

    def log(
        self,
        message: str,
        *,
        level: Level = "info",
        job: tuple[str, str],
        user_id: str | None = None,
        execution_id: str | None = None,
        attempt: int | None = None,
        at: datetime | None = None,
        duration: float | None = None,
    ) -> None:
        """Write a line of a job's log; ``job`` is its id and name."""
        line = LogLine(
            timestamp=at or self.clock.now(),
            sub_type=level,
            message=message,
            duration=duration,
            metadata=LogSource(
                primitive_id=job[0],
                primitive_name=job[1],
                user_id=user_id,
                execution_id=execution_id,
                attempt=attempt,
            ),
        )
        kept = self.store.history.write_log(line)
        self.events.publish(LogWritten(at=kept.timestamp, line=kept))

    def announce(self, record: JobRecord) -> None:
        """Publish that something people see of the job changed."""
        if not self.events.announces_jobs:
            return
        from luajobs_kit.engine.jobs.view import show  # noqa: PLC0415 - views read the state

        self.events.publish(JobUpdated(at=self.clock.now(), job=show(self, record)))


def _forward(fire: FireState, known: FireState | None) -> FireState:
    if known is None or known.armed_at != fire.armed_at:
        return fire
    times = [each.last_fire for each in (known, fire) if each.last_fire is not None]
    return fire.evolve(last_fire=max(times, default=None), skipped=max(known.skipped, fire.skipped))
