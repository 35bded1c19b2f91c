"""The state that the parts of an engine share."""

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
    """The stores, the clock, the events, and the parts of history that are needed all the time."""

    store: Store
    clock: Clock
    ids: Ids
    events: Events
    settings: Settings
    runner: Runner
    scheduler: Scheduler
    fires: dict[str, FireState] = field(default_factory=dict)
    """The fire state of every job, as history has it, by the job's id."""
    last: dict[str, Execution] = field(default_factory=dict)
    """The newest execution of every job, by the job's id."""
    next_fires: dict[str, datetime] = field(default_factory=dict)
    """The time of the next fire of every armed job, before jitter, by the job's id."""
    unrecorded: dict[str, str] = field(default_factory=dict)
    """Why the due fires of a job could not be recorded, in words, by the job's id, until they are."""
    _changing: WeakValueDictionary[tuple[str, str], asyncio.Lock] = field(
        default_factory=WeakValueDictionary
    )
    _arming: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def arming(self, job_id: str) -> asyncio.Lock:
        """Return the lock for changing where the job's schedule stands.

        Arming a job, claiming its fires and recording the end of a run each read the fire state,
        write it to history, and then update ``fires``. No two of these may interleave.
        """
        return self._arming.setdefault(job_id, asyncio.Lock())

    def changing(self, agent_id: str, name: str) -> asyncio.Lock:
        """Return the lock for changing the jobs of a name: one change is made after another."""
        return self._changing.setdefault((agent_id, name), asyncio.Lock())

    def disarm(self, job_id: str) -> None:
        """Take the job from the scheduler."""
        self.scheduler.remove(job_id)
        self.next_fires.pop(job_id, None)

    def fire(self, record: JobRecord) -> FireState:
        """Return the fire state of the job's present arming."""
        since = record.armed_at or record.created_at
        fire = self.fires.get(record.id)
        # One of another arming does not count. It need not be earlier: clocks are set back.
        if fire is None or fire.armed_at != since:
            return FireState(job_id=record.id, armed_at=since, skipped=fire.skipped if fire else 0)
        return fire

    async def write_fire(self, fire: FireState) -> None:
        """Write a fire state to history, then remember it."""
        await self.store.history.set_fire(fire)
        self.remember_fire(fire)

    def remember_fire(self, fire: FireState) -> None:
        """Remember a fire state that was written, as history did: watermark and count never go back."""
        self.fires[fire.job_id] = _forward(fire, self.fires.get(fire.job_id))

    async def write_watermark(self, fire: FireState) -> None:
        """Write a job's watermark and count of skipped fires to history, then remember them."""
        await self.store.history.advance_fire(fire)
        self.remember_watermark(fire)

    def remember_watermark(self, fire: FireState) -> None:
        """Remember a watermark that was written, but not the rest of ``fire``.

        A run may have ended, and changed the rest, since ``fire`` was worked out.
        """
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
        duration: float | None = None,
    ) -> None:
        """Write a line of a job's log; ``job`` is its id and name."""
        line = LogLine(
            timestamp=self.clock.now(),
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
        self.write_log(line)

    def write_log(self, line: LogLine) -> LogLine:
        """Write a line to the log, and publish it; return it with its number."""
        kept = self.store.history.write_log(line)
        self.events.publish(LogWritten(at=kept.timestamp, line=kept))
        return kept


def _forward(fire: FireState, known: FireState | None) -> FireState:
    """Return ``fire`` with the later watermark and the higher count of the two."""
    if known is None or known.armed_at != fire.armed_at:
        return fire
    times = [each.last_fire for each in (known, fire) if each.last_fire is not None]
    return fire.evolve(last_fire=max(times, default=None), skipped=max(known.skipped, fire.skipped))
