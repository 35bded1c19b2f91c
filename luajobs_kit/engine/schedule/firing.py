"""Firing: jobs armed with the scheduler, their due fires claimed, caught up or skipped."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from luajobs_kit.engine.jobs.view import (
    active_version,
    announce,
    report_skipped,
    why_it_cannot_fire,
)
from luajobs_kit.engine.runs.outcome import new_execution
from luajobs_kit.engine.runs.runs import Runs
from luajobs_kit.engine.state import State
from luajobs_kit.errors import WorkspaceError, WorkspaceGone
from luajobs_kit.model import Cause, Execution, JobRecord, JobVersion, OnceSchedule
from luajobs_kit.store import FireState, Put
from luajobs_kit.timing import jittered, next_fire, trigger_for
from luajobs_kit.timing.scheduler import MOST_FIRES

MISSED_AFTER: Final = timedelta(seconds=30)
"""A fire whose run is later than this counts as missed (no engine, a sleeping machine).

``catch_up`` decides then. Its jitter makes no run late: it was to begin then.
"""
CAUGHT_UP: Final = 100  # fires at most, with catch_up="all"
MOST_WAITING: Final = 1_000
"""Waiting executions of one job. A job whose runs take longer than its interval never catches up:
without a bound they would fill memory and disk, and every start of the engine would load them."""
REFIRED_AFTER: Final = timedelta(seconds=5)  # after a fire could not be recorded
AGAIN: Final = "again_"
"""Before a job's id: what the scheduler knows the arming by that follows."""
SHORTEST: Final = timedelta(seconds=1)  # between two fires of a job
_MICROSECOND: Final = timedelta(microseconds=1)


class Counts(Enum):
    """From when a job's schedule counts, once a change of it is kept."""

    FIRST = "from now, for the first time"
    ANEW = "from now"
    ON = "as before: its arming and watermark stay, with another version"
    SAME = "as before, in everything"
    NOT = "not at all: it is switched off"


@dataclass(frozen=True, slots=True)
class Rearming:
    """A job's record that is to be kept, with a version, and what becomes of its schedule."""

    record: JobRecord
    schedule: Counts
    version: JobVersion | None = None


class Firing:
    """Keeps every active job's next fire with the scheduler, and claims what falls due."""

    def __init__(self, state: State, runs: Runs) -> None:
        self._state = state
        self._runs = runs
        self._held: set[str] = set()
        """Jobs with fires that could not be recorded, until they are armed again, from their watermark.

        Whatever the scheduler had handed over meanwhile, it then hands over once more.
        """

    def arm(self, record: JobRecord) -> None:
        """Give the job's next fire to the scheduler, or remove the job from it if there is none.

        There is none of a job that cannot fire on this machine: it is shown with a note that says why.
        """
        self._state.disarm(record.id)
        self._held.discard(record.id)
        fire = self._state.fire(record)
        if not record.active or record.deleted or fire.state != "armed":
            return
        if why_it_cannot_fire(self._state, record):
            return
        version = active_version(self._state, record)
        trigger = trigger_for(version.schedule, armed_at=fire.armed_at)
        upcoming = trigger.get_next_fire_time(fire.last_fire, self._state.clock.now())
        if upcoming is None:
            return
        self._state.scheduler.add(
            record.id,
            trigger,
            next_fire=upcoming,
            keep=_most_due(version),
        )
        self._state.next_fires[record.id] = upcoming

    async def arm_as_kept(self, job_id: str) -> None:
        """Arm the job by its stored record, or disarm it if there is none."""
        async with self._state.arming(job_id):
            self._arm_as_kept(job_id)

    async def arm_as_imported(self, job_id: str) -> None:
        """Arm the job by its stored record and watermark, which were written past this engine."""
        async with self._state.arming(job_id):
            fire = await self._state.store.history.fire(job_id)
            if fire is not None:
                self._state.fires[job_id] = fire
            self._arm_as_kept(job_id)

    def _arm_as_kept(self, job_id: str) -> None:
        record = self._state.store.definitions.job(job_id)
        if record is None:
            self.disarm(job_id)
        else:
            self.arm(record)

    async def keep(self, *changes: Rearming) -> list[JobRecord]:
        """Commit all changes or none, then have each schedule stand as they say; return the records.

        Meanwhile no fire of these jobs is claimed, and no end of their runs recorded.
        """
        async with AsyncExitStack() as held:
            for job_id in sorted(change.record.id for change in changes):
                await held.enter_async_context(self._state.arming(job_id))
            armed = [(change, *self._as_of_now(change)) for change in changes]
            for change, _, fire in armed:
                if change.schedule is Counts.FIRST:
                    # A crash before the commit leaves a fire state without a job, which is harmless.
                    await self._state.write_fire(fire)
            await self._state.store.definitions.commit(
                *(Put(change.version) for change in changes if change.version is not None),
                *(Put(record) for _, record, _ in armed),
            )
            # The others' fire states after the commit. A crash in between must not leave the old
            # version with a fresh watermark, which would run its fires again.
            for change, record, fire in armed:
                if change.schedule in {Counts.FIRST, Counts.ANEW}:
                    self._state.remember_fire(fire)
                    self.arm(record)
                elif change.schedule is Counts.NOT:
                    self.disarm(record.id)
            for change, _, fire in armed:
                if change.schedule in {Counts.ANEW, Counts.ON}:
                    await self._state.write_fire(fire)
            return [record for _, record, _ in armed]

    def _as_of_now(self, change: Rearming) -> tuple[JobRecord, FireState]:
        """Return the record with its arming, and the fire state of that."""
        now = since = self._state.clock.now()
        agent = self._state.settings.values.agent_id  # it may be another one since it was planned
        record = change.record.evolve(agent_id=agent, updated_at=now)
        if change.schedule in {Counts.FIRST, Counts.ANEW}:
            before = self._state.fires.get(record.id)
            if before is not None and before.armed_at == now and before.last_fire is not None:
                since += _MICROSECOND  # at one instant: `armed_at` tells the fires of the two apart
            skipped = before.skipped if before else 0
            fire = FireState(job_id=record.id, armed_at=since, skipped=skipped)
            return record.evolve(armed_at=since), fire
        # Failures of the version before do not pause this one.
        return record, self._state.fire(record).evolve(failures=0)

    def has_fired(self, record: JobRecord) -> bool:
        """Whether the fire of a once-job is dealt with, and none of its runs is yet to begin."""
        fire = self._state.fire(record)
        if fire.state != "armed":
            return True
        runs = self._runs.unfinished_fires(record.id)
        to_begin = any(run.armed_at == fire.armed_at and not run.attempts for run in runs)
        return fire.last_fire is not None and not to_begin

    def disarm(self, job_id: str) -> None:
        """Take the job from the scheduler."""
        self._state.disarm(job_id)
        self._held.discard(job_id)
        self._state.unrecorded.pop(job_id, None)

    async def due(self, job_id: str, times: list[datetime], omitted: int) -> None:
        """Claim or skip ``times``, fires that fell due, oldest first; ``omitted`` are older still.

        When a claim cannot be written, the fire is still due, and so is every later one of the job:
        it is armed again ``REFIRED_AFTER`` later, from its watermark. Raises ``WorkspaceGone``.
        """
        async with self._state.arming(job_id):
            if job_id in self._held:
                return
            record = self._state.store.definitions.job(job_id)
            if record is None or not record.active or record.deleted:
                return
            fire = self._state.fire(record)
            if fire.state != "armed":
                return
            version = active_version(self._state, record)
            fresh = [time for time in times if _is_open(time, version, fire)]
            if not fresh:
                return
            self._note_next_fire(job_id, version, fresh[-1], fire.armed_at)
            try:
                await self._deal_with(record, version, fresh, omitted)
            except WorkspaceGone:
                raise
            except WorkspaceError as error:
                self._hold(record, error.message)
                return
            self._state.unrecorded.pop(job_id, None)
            announce(self._state, record)
        if isinstance(version.schedule, OnceSchedule):
            await self._runs.drop(job_id)  # the retries of its former arming

    def _hold(self, record: JobRecord, why: str) -> None:
        self._state.scheduler.remove(record.id)
        self._held.add(record.id)
        self._state.unrecorded[record.id] = why
        self._arm_again(record.id)
        announce(self._state, record)

    def _arm_again(self, job_id: str) -> None:
        """Have a job that is held armed again soon."""
        again = self._state.clock.now() + REFIRED_AFTER
        trigger = trigger_for(OnceSchedule(execute_at=again), armed_at=again)
        self._state.scheduler.add(AGAIN + job_id, trigger, next_fire=again)

    def keep_waits(self) -> None:
        """Let what is held wait no longer than it was to, though the clock was put back."""
        for job_id in self._held:
            self._arm_again(job_id)

    async def _deal_with(
        self, record: JobRecord, version: JobVersion, fresh: list[datetime], omitted: int
    ) -> None:
        to_run = self._fires_to_run(version, fresh)
        skipped = [time for time in fresh if time not in to_run]
        if skipped or omitted:
            outage = self._state.unrecorded.get(record.id)
            why = "missed" if outage is None else "could not be recorded when they were due"
            # Written before the claims: these fires are skipped even if a claim fails, or the
            # engine is killed in between. By its jitter a fire before them may still run.
            dealt_with = [*skipped[-1:], *(time - SHORTEST for time in to_run[:1])]
            await self._skip(
                record,
                skipped[-1] if skipped else None,
                len(skipped) + omitted,
                f"{why}, and catch_up is {version.catch_up!r}",
                dealt_with=min(dealt_with),
                done=isinstance(version.schedule, OnceSchedule),
            )
        queue = self._one_after_another(version, to_run)
        for time in to_run:
            await self._fire(record, version, time, queue=queue)
        if to_run and fresh[-1] > to_run[-1]:
            fire = self._state.fire(record).evolve(last_fire=fresh[-1])
            await self._state.write_watermark(fire)

    def _fires_to_run(self, version: JobVersion, times: list[datetime]) -> list[datetime]:
        """Return the due fires to run: those on time and, by ``catch_up``, some that were missed."""
        missed = [time for time in times if self._is_missed(version, time)]
        on_time = [time for time in times if time not in missed]
        match version.catch_up:
            case "all":
                return sorted(on_time + missed[-CAUGHT_UP:])
            case "none":
                return on_time
            case "once":
                return on_time or times[-1:]

    def _one_after_another(self, version: JobVersion, wanted: list[datetime]) -> bool:
        """Whether these fires are run one after another, after unfinished runs, whatever overlap says."""
        if version.catch_up == "all" and any(self._is_missed(version, time) for time in wanted):
            return True  # catch_up="all" promises a run for each, also for a single one
        # On time they would not have overlapped: they come together only because they are late.
        return (
            len(wanted) > 1
            and version.overlap == "skip"
            and not self._runs.unfinished_fires(version.job_id)
        )

    def _note_next_fire(
        self, job_id: str, version: JobVersion, fired: datetime, armed_at: datetime
    ) -> None:
        upcoming = next_fire(version.schedule, fired, armed_at=armed_at)
        if upcoming is None:
            self._state.next_fires.pop(job_id, None)
        else:
            self._state.next_fires[job_id] = upcoming

    def _is_missed(self, version: JobVersion, time: datetime) -> bool:
        begins = jittered(time, version.jitter, version.job_id)
        return self._state.clock.now() - begins > MISSED_AFTER

    async def _fire(
        self, record: JobRecord, version: JobVersion, time: datetime, *, queue: bool
    ) -> None:
        before = self._runs.unfinished_fires(record.id)
        once = isinstance(version.schedule, OnceSchedule)
        reason = None if once else _reason_to_skip(before, version, queue=queue)
        if reason is not None:
            await self._skip(record, time, 1, reason)
            return
        now = self._state.clock.now()
        delayed = jittered(time, version.jitter, record.id)
        late = now - delayed
        fire = self._state.fire(record).evolve(last_fire=time)
        cause: Cause = "catch_up" if self._is_missed(version, time) else "schedule"
        execution = new_execution(self._state, record, version, cause=cause).evolve(
            fire_time=time,
            armed_at=fire.armed_at,
            lateness=late.total_seconds() if late > timedelta(seconds=1) else None,
            next_attempt_at=delayed if delayed > now else None,
            alone=version.overlap != "allow" or queue,
        )
        await self._runs.claim(execution, version, fire=fire)

    async def _skip(
        self,
        record: JobRecord,
        last: datetime | None,
        count: int,
        reason: str,
        *,
        dealt_with: datetime | None = None,
        done: bool = False,
    ) -> None:
        """Record and report ``count`` fires that are not run; ``last`` is the last of them, if known.

        The watermark moves to ``dealt_with``, or else to ``last``. ``done`` says that no fire
        follows, so the job is done.
        """
        fire = self._state.fire(record)
        fire = fire.evolve(last_fire=dealt_with or last, skipped=fire.skipped + count)
        if done:
            note = f"its one fire was not run: {reason}"
            await self._state.write_fire(fire.evolve(state="done", note=note))
        else:
            await self._state.write_watermark(fire)
        report_skipped(self._state, record, last, count, reason)


def _most_due(version: JobVersion) -> int:
    """Return how many fires of a version to hand over at once: those that may be run."""
    if version.jitter:
        return MOST_FIRES  # any number of them may still be to begin
    return CAUGHT_UP if version.catch_up == "all" else 2


def _is_open(time: datetime, version: JobVersion, fire: FireState) -> bool:
    """Whether a fire from the scheduler belongs to the present arming and is after the watermark.

    Since the scheduler passed it on, another version may have been published, with other fires.
    And after the clock was set back, the scheduler passes a fire on twice.
    """
    if fire.last_fire is not None and time <= fire.last_fire:
        return False
    schedule = version.schedule
    if isinstance(schedule, OnceSchedule):
        return time == schedule.execute_at
    return time > fire.armed_at


def _reason_to_skip(before: list[Execution], version: JobVersion, *, queue: bool) -> str | None:
    """Return why a fire is not run while runs ``before`` it are unfinished; None if it is run."""
    if before and version.overlap == "skip" and not queue:
        return f"execution {before[0].id} {_state_in_words(before[0])} and overlap is 'skip'"
    if sum(each.status == "pending" for each in before) >= MOST_WAITING:
        other = "overlap='skip'" if version.overlap != "skip" else "catch_up='once'"
        return (
            f"{MOST_WAITING:,} runs of it wait already; make it faster, fire it less often, "
            f"or choose {other}"
        )
    return None


def _state_in_words(execution: Execution) -> str:
    """Return in words what an unfinished execution is doing."""
    if execution.status != "pending":
        return "is still running"
    return "waits for its next attempt" if execution.attempts else "has not begun yet"
