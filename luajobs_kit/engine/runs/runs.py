"""One run, from claimed to recorded: attempts, retries, cancelling, recovery."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

from luajobs_kit.engine.jobs.view import DROPPED, announce, report_dropped
from luajobs_kit.engine.runs.active import Awake, Run, Stop, UnderWay
from luajobs_kit.engine.runs.attempt import Attempts
from luajobs_kit.engine.runs.outcome import (
    RETRIED,
    STOPPED,
    Dropped,
    backoff,
    error_of,
    fire_after,
    why_dropped,
)
from luajobs_kit.engine.runs.recorder import Ledger
from luajobs_kit.engine.state import State
from luajobs_kit.model import (
    AttemptFailed,
    Cancellation,
    Execution,
    ExecutionClaimed,
    ExecutionFinished,
    ExecutionStatus,
    JobVersion,
    OnceSchedule,
    Retry,
    RunError,
)
from luajobs_kit.sandbox import Outcome
from luajobs_kit.store import FireState
from luajobs_kit.timing import trigger_for

_log = logging.getLogger(__name__)


class Runs:
    """Every unfinished execution, and what becomes of it."""

    def __init__(self, state: State, *, one_at_a_time: bool = False) -> None:
        self._state = state
        self._ledger = Ledger(state)
        self._under_way = UnderWay()
        self.awake = Awake(one_at_a_time=one_at_a_time)
        self._virtual = one_at_a_time  # in a simulation what takes time is its own clock's
        self.attempts = Attempts(state, self._ledger, self.awake)
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving = False  # nothing begins any more; what waits is the next engine's
        self.disarm: Callable[[str], None]
        self.concluded: Callable[[], None]

    # What is under way

    def unfinished_of(self, job_id: str) -> list[Execution]:
        """Return the job's unfinished executions, oldest first."""
        return [run.execution for run in self._under_way.of(job_id)]

    def counts(self) -> tuple[int, int]:
        """Return how many attempts run and how many executions wait."""
        return self._under_way.counts()

    async def wait(self, execution_id: str, timeout: float) -> None:  # noqa: ASYNC109 - see Port.wait_execution
        """Return when the execution is finished, or after ``timeout`` seconds."""
        run = self._under_way.get(execution_id)
        if run is not None:
            try:
                await asyncio.wait_for(run.finished.wait(), timeout)
            except TimeoutError:
                return

    # Claiming and starting

    async def claim(
        self,
        execution: Execution,
        version: JobVersion,
        *,
        fire: FireState | None = None,
        key: str | None = None,
    ) -> Execution:
        """Commit the execution as ``pending``, with its fire, and let it begin."""
        # Before its code runs, `running` is synced, and the claim of a fire with it. A power
        # cut before that loses the claim and the watermark: the fire is due again, and had not run.
        kept = await self._state.store.history.claim(execution, fire, key, durable=fire is None)
        if kept.id != execution.id:  # the same request came twice
            return kept
        if fire is not None:
            self._state.remember_watermark(fire)
        self._state.last[kept.job_id] = kept
        self._state.events.publish(ExecutionClaimed(at=kept.created_at, execution=kept))
        run = Run(kept, version)
        self._enter(run)
        # Meanwhile its job may have been deleted or switched off. (Not while a fire is claimed.)
        if fire is None and why_dropped(self._state, kept):
            await self.drop(kept.job_id)
        return run.execution

    def resume(self, execution_id: str) -> None:
        """Begin the attempt an execution waits for."""
        run = self._under_way.get(execution_id)
        if run is not None and not run.started:
            self._begin(run)

    def _enter(self, run: Run) -> None:
        self._under_way.add(run)
        self._begin_when_due(run)

    def _begin_when_due(self, run: Run) -> None:
        due = run.execution.next_attempt_at
        if due is not None and due > self._state.clock.now():
            self._begin_at(run, due)
        else:
            self._begin(run)

    def _begin_at(self, run: Run, due: datetime) -> None:
        trigger = trigger_for(OnceSchedule(execute_at=due), armed_at=due)
        self._state.scheduler.add(run.execution.id, trigger, next_fire=due)

    def _begin(self, run: Run) -> None:
        # Its time has come. What it may wait for now is its turn, which has no time.
        run.execution = run.execution.evolve(next_attempt_at=None)
        if self._leaving or not self._may_start(run):
            return  # an earlier execution of the job begins it when it finishes
        run.task = task = asyncio.create_task(self._attempt(run), name=run.execution.id)
        self._tasks.add(task)
        self.awake.wake()
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.awake.rest()

    def _may_start(self, run: Run) -> bool:
        if why_dropped(self._state, run.execution):
            return False  # it is about to be dropped
        all_of_job = self._under_way.of(run.execution.job_id)  # in the order of their claims
        if run.execution.alone and all_of_job[0] is not run:
            return False
        most = run.version.max_concurrent
        return most is None or sum(other.started for other in all_of_job) < most

    def _begin_waiting(self, job_id: str) -> None:
        for run in self._under_way.of(job_id):
            if not run.started and not run.execution.next_attempt_at:
                self._begin(run)

    # One attempt

    async def _attempt(self, run: Run) -> None:
        outcome: Outcome | None = None
        try:
            outcome = await self.attempts.make(run)
        except asyncio.CancelledError:
            if run.stopping is None:
                raise
        run.ending = True
        try:
            if outcome is None or run.stopping is not None:
                await self._finish_stopped(run)
            else:
                await self._finish(
                    run,
                    outcome.status,
                    result=outcome.result,
                    error=error_of(outcome, self._state.settings),
                    duration=self._since_began(run) if self._virtual else outcome.duration,
                )
        except Exception:  # noqa: BLE001 - not recorded: the next engine finds it running, and gives it up
            _log.exception("how %s ended cannot be kept", run.execution.id)
            self._under_way.remove(run)
            run.finished.set()
            self._begin_waiting(run.execution.job_id)
        finally:
            run.ending = False

    # Finishing, retrying

    async def _finish(
        self,
        run: Run,
        status: ExecutionStatus,
        *,
        result: Any = None,
        error: RunError | None = None,
        duration: float | None = None,
        dropped: bool = False,
    ) -> None:
        now = self._state.clock.now()
        execution = run.execution
        if execution.attempts and execution.attempts[-1].status == "running":
            ended = execution.attempts[-1].evolve(
                status=status, completed_at=now, duration=duration, result=result, error=error
            )
            execution = execution.evolve(attempts=[*execution.attempts[:-1], ended])
        execution = execution.evolve(result=result, error=error, duration=duration)
        if error is not None and status in RETRIED:
            self._ledger.log_failure(execution, error)
        retry = run.version.retry
        if status in RETRIED and execution.retry_count < retry.max_attempts:
            why = why_dropped(self._state, execution)
            if why is None:
                await self._retry_later(run, execution, retry, now)
                return
            self._ledger.log(execution, f"It is not tried again: {DROPPED[why]}.", level="warn")
        execution = execution.evolve(status=status, completed_at=now, next_attempt_at=None)
        await self._conclude(run, execution, dropped=dropped)

    async def _retry_later(
        self, run: Run, execution: Execution, retry: Retry, now: datetime
    ) -> None:
        number = execution.retry_count + 1
        due = now + timedelta(seconds=backoff(retry, number))
        run.execution = execution.evolve(status="pending", retry_count=number, next_attempt_at=due)
        await self._ledger.record(run.execution)
        run.task = None
        self._ledger.remember(run.execution)
        says = f"Retry {number} of {retry.max_attempts} at {due.isoformat(timespec='seconds')}."
        self._ledger.log(execution, says, level="warn", attempt=number)
        self._state.events.publish(AttemptFailed(at=now, execution=run.execution))
        self._begin_at(run, due)
        self._begin_waiting(execution.job_id)  # where only so many may run, its place is free

    async def _conclude(self, run: Run, execution: Execution, *, dropped: bool) -> None:
        manual = execution.cause == "manual"  # it changes nothing of the schedule
        async with nullcontext() if manual else self._state.arming(execution.job_id):
            record = self._state.store.definitions.job(execution.job_id)
            fire = (
                fire_after(self._state, execution, run.version, record, dropped=dropped)
                if record
                else None
            )
            await self._ledger.record(execution, fire)
            if fire is not None:
                self._state.remember_fire(fire)
                if fire.state != "armed":
                    self.disarm(fire.job_id)
        run.execution = execution
        self._under_way.remove(run)
        self._ledger.remember(execution)
        finished = execution.completed_at or self._state.clock.now()
        self._state.events.publish(ExecutionFinished(at=finished, execution=execution))
        if record is not None:
            announce(self._state, record)
        self.concluded()
        run.finished.set()
        if not dropped:  # how it ended may have paused its job
            await self.drop(execution.job_id)
        self._begin_waiting(execution.job_id)

    # What is not to begin any more

    async def drop(self, job_id: str) -> int:
        """Cancel what waits of the job and is not to begin any more (``why_dropped``); return how many.

        None of it begins meanwhile. It is told in the job's log, and as an event.
        """
        dropped: dict[Dropped, list[Execution]] = {}
        for run in self._under_way.of(job_id):
            if run.waits and (why := why_dropped(self._state, run.execution)):
                await self._stop(run, why)
                if run.execution.status == "cancelled":
                    dropped.setdefault(why, []).append(run.execution)
        record = self._state.store.definitions.job(job_id)
        if record is not None and not record.deleted:
            for why, executions in dropped.items():
                report_dropped(self._state, record, executions, why)
            if dropped:
                announce(self._state, record)
        return sum(map(len, dropped.values()))

    # Stopping

    async def cancel(self, execution_id: str) -> None:
        """Kill the running attempt or drop the waiting one, and record it as cancelled."""
        run = self._under_way.get(execution_id)
        if run is not None:
            await self._stop(run, "cancelled")

    async def cancel_all(self, job_id: str) -> Cancellation:
        """Cancel everything of the job that is not finished; return how many of which kind."""
        running = waiting = 0
        # The newest first: the end of an earlier one is what a later one waits for.
        for run in reversed(self._under_way.of(job_id)):
            waited = run.waits
            await self._stop(run, "cancelled")
            if run.execution.status == "cancelled":
                running += not waited
                waiting += waited
        return Cancellation(running=running, waiting=waiting)

    async def abandon_all(self) -> None:
        """End every running attempt because the engine leaves; what waits is kept for the next one."""
        self._leaving = True
        running = [run for run in self._under_way if run.started]
        await asyncio.gather(*(self._stop(run, "abandoned") for run in running))

    def time_out(self, execution_id: str) -> None:
        """Kill a simulated attempt that slept past its time; real ones the sandbox kills."""
        run = self._under_way.get(execution_id)
        if run is not None and run.task is not None and not run.ending:
            run.stopping = "timeout"
            run.task.cancel()

    async def _stop(self, run: Run, why: Stop) -> None:
        while run.task is not None and (run.ending or run.stopping is not None):
            await asyncio.wait([run.task])  # it is being recorded; a retry may come of it
        if run.finished.is_set():
            return
        run.stopping = why
        self._state.scheduler.remove(run.execution.id)
        if run.task is None:
            # As its task: while this is recorded nothing begins it, and who stops it too waits.
            run.ending, run.task = True, asyncio.create_task(self._finish_stopped(run))
            try:
                await run.task
            finally:
                run.ending, run.task = False, None
        else:
            run.task.cancel()
            await asyncio.wait([run.task])
            if run.stopping is not None:  # the task was cancelled before its first step
                await self._finish_stopped(run)

    async def _finish_stopped(self, run: Run) -> None:
        why = run.stopping or "cancelled"
        run.stopping = None
        if run.execution.status == "pending" and why == "abandoned":
            return  # it never started: it stays pending, and the next engine runs it
        status = why if why in {"abandoned", "timeout"} else "cancelled"
        await self._finish(
            run,
            status,
            error=STOPPED[why],
            duration=self._since_began(run),
            dropped=why in DROPPED,
        )

    def _since_began(self, run: Run) -> float | None:
        """Return the milliseconds that the attempt under way took by the engine's clock."""
        if run.execution.status != "running":
            return None
        began = run.execution.attempts[-1].started_at
        return (self._state.clock.now() - began).total_seconds() * 1000

    # Recovery

    async def recover(self) -> None:
        """Take up what the last engine left: run what waited, give up on what was running."""
        left = []
        for execution in await self._state.store.history.unfinished():
            version = self._state.store.definitions.version(execution.version_id)
            record = self._state.store.definitions.job(execution.job_id)
            if version is None or record is None or record.deleted:
                gone = execution.evolve(
                    status="cancelled", completed_at=self._state.clock.now(), next_attempt_at=None
                )
                await self._ledger.record(gone)
                continue
            run = Run(execution, version)
            self._under_way.add(run)
            if not self._virtual:  # a simulation goes on as the engine would that is running
                await self._wait_no_longer_than_meant(run)
            left.append(run)
        # First what was running: giving it up may pause its job, and what waits is not begun then.
        for run in left:
            if run.execution.status != "pending":
                await self._finish(run, "abandoned", error=STOPPED["abandoned"])
        for job_id in {run.execution.job_id: None for run in left}:
            await self.drop(job_id)
        for run in left:
            if not run.started and not run.finished.is_set():
                self._begin_when_due(run)

    async def _wait_no_longer_than_meant(self, run: Run) -> None:
        """Move what an execution waits for where the clock was ahead when that was worked out."""
        execution, due = run.execution, run.execution.next_attempt_at
        if due is None:
            return
        retry = run.version.retry
        wait = backoff(retry, execution.retry_count) if execution.attempts else run.version.jitter
        latest = self._state.clock.now() + timedelta(seconds=wait)
        if due > latest:
            run.execution = execution.evolve(next_attempt_at=latest)
            await self._ledger.record(run.execution)
