"""The runs of an engine: one coroutine for each unfinished execution, from claimed to finished.

``Runs._live`` is that coroutine, and reads from top to bottom: it waits until the execution is due
and until it is its turn, takes a place, records ``running``, has the code run, records the end, and
goes back to the top for a retry or concludes. All are tasks of one group, which an engine's start
opens and its end closes.

Whoever stops a run gives it a ``StopReason`` and interrupts its coroutine, which records the end
itself. An end that is being recorded is never interrupted: who stops a run then waits for that, and
stops what may come of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, nullcontext
from datetime import datetime, timedelta

from luajobs_kit.engine.jobs.versions import program_of
from luajobs_kit.engine.jobs.view import announce, report_dropped
from luajobs_kit.engine.requests.costs import LONG_LOOKS
from luajobs_kit.engine.runs.active import ActiveRuns, Phase, Run
from luajobs_kit.engine.runs.activity import Activity
from luajobs_kit.engine.runs.attempt import AttemptInputs, begin_attempt, end_attempt
from luajobs_kit.engine.runs.concurrency import Places
from luajobs_kit.engine.runs.outcome import (
    End,
    backoff,
    error_of,
    fire_after,
    stopped_by,
    why_dropped,
)
from luajobs_kit.engine.runs.progress_reports import ProgressReports
from luajobs_kit.engine.runs.recorder import Recorder
from luajobs_kit.engine.runs.runner import Runner
from luajobs_kit.engine.runs.stop_reason import StopReason
from luajobs_kit.engine.state import State
from luajobs_kit.errors import SandboxError
from luajobs_kit.model import (
    FAILED,
    AttemptFailed,
    Cancellation,
    Execution,
    ExecutionClaimed,
    ExecutionFinished,
    ExecutionStarted,
    JobVersion,
    OnceSchedule,
)
from luajobs_kit.sandbox import Failure, Limits, Outcome
from luajobs_kit.store import FireState
from luajobs_kit.timing import trigger_for

_log = logging.getLogger(__name__)


class Runs:
    """Every unfinished execution, and what becomes of it. ``start`` it first, and ``aclose`` it.

    Attempts are made by ``runner`` with what ``inputs`` gives them. ``concluded()`` is called when
    an execution has finished. Where job code lives in the engine's own time (``virtual``), so do
    durations. In a simulation (``simulated``) what waited goes on as the engine would that is running.
    """

    def __init__(
        self,
        state: State,
        runner: Runner,
        inputs: AttemptInputs,
        activity: Activity,
        concluded: Callable[[], None],
        *,
        virtual: bool = False,
        simulated: bool = False,
    ) -> None:
        self._state = state
        self._runner = runner
        self._inputs = inputs
        self._activity = activity
        self._concluded = concluded
        self._virtual = virtual or simulated
        self._simulated = simulated
        self._recorder = Recorder(state)
        self._active = ActiveRuns()
        self._places = Places(
            most=lambda: state.settings.values.max_concurrent,
            users=lambda: len(state.store.definitions.rows("users")),
            activity=activity,
        )
        self._leaving = False  # nothing begins any more; what waits is the next engine's
        self._lives = asyncio.TaskGroup()
        self._closing = asyncio.Event()
        self._owner: asyncio.Task[None] | None = None

    # The group of all lives, opened and closed in one task as a group has to be

    async def start(self) -> None:
        """Open the group, and take up what the last engine left."""
        opened = asyncio.Event()
        self._owner = asyncio.create_task(self._hold_group(opened), name="luajobs runs")
        await opened.wait()
        await self._recover()

    async def aclose(self) -> None:
        """Abandon every attempt under way; what waits is kept for the next engine."""
        self._leaving = True
        for run in self._active:
            if run.phase is not Phase.ENDING:
                run.stop(StopReason.ABANDONED)
        self._closing.set()
        if self._owner is not None:
            await self._owner

    async def _hold_group(self, opened: asyncio.Event) -> None:
        async with self._lives:
            opened.set()
            await self._closing.wait()

    # What is active

    def unfinished_fires(self, job_id: str) -> list[Execution]:
        """Return the unfinished executions of the job's fires, oldest first; none that was triggered."""
        return [run.execution for run in self._active.fires_of(job_id)]

    def counts(self) -> tuple[int, int]:
        """Return how many attempts run and how many executions wait."""
        return self._active.counts()

    def held_up(self, job_id: str) -> str | None:
        """Say what waits until a run of this job ends, and why; None if nothing does."""
        if self._places.waiting:
            most = self._state.settings.values.max_concurrent
            return f"{self._places.waiting} wait for one of the {most} places (max_concurrent)"
        turns = sum(run.phase is Phase.TURN for run in self._active.of(job_id))
        return f"{turns} of the same job wait for their turn" if turns else None

    async def wait(self, execution_id: str, timeout: float) -> None:  # noqa: ASYNC109 - see Port.wait_execution
        """Return when the execution is finished, or after ``timeout`` seconds."""
        run = self._active.get(execution_id)
        if run is not None:
            try:
                await asyncio.wait_for(run.finished(), timeout)
            except TimeoutError:
                return

    async def idle(self) -> None:
        """Return once no attempt is under way, nor about to start."""
        while busy := next((run for run in self._active if run.busy), None):
            await busy.change()

    def apply_concurrency(self) -> None:
        """Have as many attempts work at once as the settings say now; what works goes on."""
        self._places.give()

    # Claiming, and what is due

    async def claim(
        self,
        execution: Execution,
        version: JobVersion,
        *,
        fire: FireState | None = None,
        key: str | None = None,
    ) -> Execution:
        """Commit the execution as ``pending``, with its fire, and let it begin."""
        # Before its code runs, `running` is synced, and the claim of a fire with it. A tool
        # cut before that loses the claim and the watermark: the fire is due again, and had not run.
        kept = await self._state.store.history.claim(execution, fire, key, durable=fire is None)
        if kept.id != execution.id:  # the same request came twice
            return kept
        if fire is not None:
            self._state.remember_watermark(fire)
        self._state.last[kept.job_id] = kept
        self._state.events.publish(ExecutionClaimed(at=kept.created_at, execution=kept))
        run = Run(kept, version, self._activity)
        if not self._leaving:
            self._active.add(run)
            self._start(run)
        # Meanwhile its job may have been deleted or switched off. (Not while a fire is claimed.)
        if fire is None and why_dropped(self._state, kept):
            await self.drop(kept.job_id)
        return run.execution

    def resume(self, execution_id: str) -> None:
        """Let an execution go on that waited until it is due: the scheduler says that it is."""
        run = self._active.get(execution_id)
        if run is not None and run.phase is Phase.DUE:
            run.rouse()

    def keep_waits(self, put_back: timedelta) -> None:
        """Let what waits until it is due wait as long as it was to, though the clock was put back."""
        for run in self._active:
            due = run.execution.next_attempt_at
            if run.phase is Phase.DUE and due is not None:
                due -= put_back
                run.update(run.execution.evolve(next_attempt_at=due))
                self._recorder.remember(run.execution)
                says = f"The clock was put back; its wait goes on, until {due.isoformat(timespec='seconds')}."
                self._recorder.log(run.execution, says, level="info")
                run.rouse()

    def _start(self, run: Run) -> None:
        run.start(self._lives, self._live(run))

    # The life of a run

    async def _live(self, run: Run) -> None:
        """Take the execution through its attempts, each in full, until it is finished."""
        try:
            while run.phase is not Phase.FINISHED:
                outcome = None if run.stopped else await self._attempt(run)
                run.enter(Phase.ENDING)
                if run.stopped is StopReason.ABANDONED and run.execution.status == "pending":
                    return  # it had not begun: it stays pending, and the next engine runs it
                await self._record_end(run, self._end_of(run, outcome))
                if self._leaving:
                    return
        except Exception as error:  # noqa: BLE001 - it ends all the same, and holds up no other
            # Nothing is recorded: the next engine finds it as it was, and takes it up.
            _log.exception("how %s ended cannot be kept", run.execution.id)
            self._active.remove(run)
            run.fail(error)
            self._pass_turn(run.execution.job_id)
        finally:
            run.enter(Phase.FINISHED)
            self._activity.rest()

    async def _attempt(self, run: Run) -> Outcome | None:
        """Make the next attempt when it may begin; return its outcome, None where it was stopped."""
        try:
            await self._until_due(run)
            await self._until_its_turn(run)
            whose = (run.execution.user_id, run.execution.job_id)
            async with self._places.place(*whose), self._activity.working():
                if not why_dropped(self._state, run.execution):
                    await self._record_start(run)
                    return await self._run_code(run)
            # Its job was switched off while it waited for its place: whoever did that stops it.
            return await asyncio.Future()
        except asyncio.CancelledError:
            if not run.take_up():
                raise
            return None
        except SandboxError as problem:
            failure = Failure("SandboxError", problem.message)
        except Exception as problem:  # noqa: BLE001 - it must end all the same, or its job waits for ever
            _log.exception("%s failed in the engine", run.execution.id)
            failure = Failure(type(problem).__name__, f"In the engine: {problem}")
        return Outcome("abandoned", error=failure)

    async def _until_due(self, run: Run) -> None:
        run.enter(Phase.DUE)
        while (due := run.execution.next_attempt_at) and due > self._state.clock.now():
            trigger = trigger_for(OnceSchedule(execute_at=due), armed_at=due)
            self._state.scheduler.add(run.execution.id, trigger, next_fire=due)
            try:
                await run.rest()
            finally:
                self._state.scheduler.remove(run.execution.id)
            if run.execution.next_attempt_at == due:
                break
            await self._recorder.record(run.execution)  # the clock was put back
        # What it may wait for now is its turn, which has no time.
        run.update(run.execution.evolve(next_attempt_at=None))

    async def _until_its_turn(self, run: Run) -> None:
        run.enter(Phase.TURN)
        if self._may_begin(run):
            run.enter(Phase.BEGUN)
        else:
            await run.rest()  # until `_pass_turn`

    def _may_begin(self, run: Run) -> bool:
        if self._leaving or why_dropped(self._state, run.execution):
            return False  # where it is to be dropped, it is about to be
        job_id = run.execution.job_id
        if run.execution.alone and self._active.fires_of(job_id)[0] is not run:
            return False
        most = run.version.max_concurrent
        return most is None or sum(other.begun for other in self._active.of(job_id)) < most

    def _pass_turn(self, job_id: str) -> None:
        """Let those of the job's runs begin that wait for their turn and now have it.

        The oldest first; runs that were triggered after all fires, which they hold back in nothing.
        """
        for run in sorted(self._active.of(job_id), key=lambda run: run.by_hand):
            if run.phase is Phase.TURN and self._may_begin(run):
                run.enter(Phase.BEGUN)
                run.rouse()

    async def _record_start(self, run: Run) -> None:
        now = self._state.clock.now()
        run.update(begin_attempt(run.execution, run.version, now))
        await self._recorder.record(run.execution)
        self._recorder.remember(run.execution)
        self._state.events.publish(ExecutionStarted(at=now, execution=run.execution))

    async def _run_code(self, run: Run) -> Outcome:
        execution = run.execution
        async with aclosing(ProgressReports(self._state, run)) as reports:
            return await self._runner.run(
                program_of(run.version),
                context=self._inputs.context(run),
                limits=Limits(
                    timeout=run.version.timeout, memory=self._state.settings.values.memory_limit
                ),
                serve=reports.taken_from(self._inputs.serve(run)),
                alone=LONG_LOOKS,
                on_log=lambda record: self._recorder.log_output(execution, record),
            )

    def _end_of(self, run: Run, outcome: Outcome | None) -> End:
        """Return how it ended: by a stop, where there was one, even if an outcome came first."""
        if outcome is None or run.stopped is not None:
            return stopped_by(run.stopped or StopReason.CANCELLED, self._since_began(run))
        duration = self._since_began(run) if self._virtual else outcome.duration
        error = error_of(outcome, self._state.settings)
        return End(outcome.status, error, duration, outcome.result)

    def _since_began(self, run: Run) -> float | None:
        """Return the milliseconds that the attempt under way took by the engine's clock."""
        if run.execution.status != "running":
            return None
        began = run.execution.attempts[-1].started_at
        return (self._state.clock.now() - began).total_seconds() * 1000

    async def _record_end(self, run: Run, end: End) -> None:
        """Record an attempt's end, and what comes of it: the next attempt, or the execution's end."""
        now = self._state.clock.now()
        execution = end_attempt(run.execution, end, now)
        if end.status in FAILED:
            if end.error is not None:
                self._recorder.log_failure(execution, end.error)
            if execution.retry_count < run.version.retry.max_attempts:
                why = why_dropped(self._state, execution)
                if why is None:
                    await self._retry(run, execution, now)
                    return
                self._recorder.log(
                    execution, f"It is not tried again: {why.job_state}.", level="warn"
                )
        execution = execution.evolve(status=end.status, completed_at=now, next_attempt_at=None)
        await self._conclude(run, execution, dropped=end.dropped)

    async def _retry(self, run: Run, execution: Execution, now: datetime) -> None:
        retry = run.version.retry
        number = execution.retry_count + 1
        due = now + timedelta(seconds=backoff(retry, number))
        run.update(execution.evolve(status="pending", retry_count=number, next_attempt_at=due))
        await self._recorder.record(run.execution)
        self._recorder.remember(run.execution)
        says = f"Retry {number} of {retry.max_attempts} at {due.isoformat(timespec='seconds')}."
        self._recorder.log(execution, says, level="warn", attempt=number)
        self._state.events.publish(AttemptFailed(at=now, execution=run.execution))
        run.try_again()
        self._pass_turn(execution.job_id)  # where only so many may run, one more may begin

    async def _conclude(self, run: Run, execution: Execution, *, dropped: bool) -> None:
        # Run by hand it changes nothing of the schedule.
        async with nullcontext() if run.by_hand else self._state.arming(execution.job_id):
            record = self._state.store.definitions.job(execution.job_id)
            fire = (
                fire_after(self._state, execution, run.version, record, dropped=dropped)
                if record
                else None
            )
            await self._recorder.record(execution, fire)
            if fire is not None:
                self._state.remember_fire(fire)
                if fire.state != "armed":
                    self._state.disarm(fire.job_id)
        run.update(execution)
        self._active.remove(run)
        self._recorder.remember(execution)
        finished = execution.completed_at or self._state.clock.now()
        self._state.events.publish(ExecutionFinished(at=finished, execution=execution))
        if record is not None:
            announce(self._state, record)
        self._concluded()
        run.enter(Phase.FINISHED)
        if not dropped:  # how it ended may have paused its job
            await self.drop(execution.job_id)
        self._pass_turn(execution.job_id)

    # Stopping runs

    async def drop(self, job_id: str) -> int:
        """Cancel what waits of the job and is not to begin any more (``why_dropped``); return how many.

        None of it begins meanwhile. It is told in the job's log, and as an event.
        """
        dropped: dict[StopReason, list[Execution]] = {}
        for run in self._active.of(job_id):
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

    async def cancel(self, execution_id: str) -> None:
        """Kill the running attempt or drop the waiting one, and record it as cancelled."""
        run = self._active.get(execution_id)
        if run is not None:
            await self._stop(run, StopReason.CANCELLED)

    async def cancel_all(self, job_id: str) -> Cancellation:
        """Cancel everything of the job that is not finished; return how many of which kind."""
        running = waiting = 0
        # The newest first: the end of an earlier one is what a later one waits for.
        for run in reversed(self._active.of(job_id)):
            waited = run.waits
            await self._stop(run, StopReason.CANCELLED)
            if run.execution.status == "cancelled":
                running += not waited
                waiting += waited
        return Cancellation(running=running, waiting=waiting)

    async def _stop(self, run: Run, why: StopReason) -> None:
        """Stop the run, and return when that is recorded. Raises what keeps it from being so."""
        await run.recorded()  # where its end is being so: a retry may come of it
        if run.phase is Phase.FINISHED:
            return
        if not run.started:  # it was left by the last engine, and is to be dropped
            self._start(run)
        run.stop(why)
        await run.recorded()
        if run.failure is not None:
            raise run.failure

    # Recovery

    async def _recover(self) -> None:
        """Take up what the last engine left: give up on what was running, run what waited."""
        left = await self._left()
        # First what was running: giving it up may pause its job, and what waits is not begun then.
        for run in left:
            if run.execution.status == "running":
                await self._record_end(run, stopped_by(StopReason.ABANDONED, None))
        for job_id in {run.execution.job_id: None for run in left}:
            await self.drop(job_id)
        waiting = [run for run in left if run.phase is not Phase.FINISHED]
        now = self._state.clock.now()
        for run in waiting:
            if (run.execution.next_attempt_at or now) > now:
                self._start(run)
        await asyncio.sleep(0)  # now the scheduler knows of these, whatever the clock does next
        for run in waiting:
            if not run.started:  # it is due, and stays so where the clock is set back
                run.update(run.execution.evolve(next_attempt_at=None))
                self._start(run)

    async def _left(self) -> list[Run]:
        """Return the runs of the executions that the last engine did not finish, oldest first."""
        left = []
        for execution in await self._state.store.history.unfinished():
            version = self._state.store.definitions.version(execution.version_id)
            record = self._state.store.definitions.job(execution.job_id)
            if version is None or record is None or record.deleted:
                gone = execution.evolve(
                    status="cancelled", completed_at=self._state.clock.now(), next_attempt_at=None
                )
                await self._recorder.record(gone)
                continue
            run = Run(execution, version, self._activity)
            self._active.add(run)
            left.append(run)
            if not self._simulated:
                await self._wait_no_longer_than_meant(run)
        return left

    async def _wait_no_longer_than_meant(self, run: Run) -> None:
        """Move what an execution waits for where the clock was ahead when that was worked out."""
        execution, due = run.execution, run.execution.next_attempt_at
        if due is None:
            return
        retry = run.version.retry
        wait = backoff(retry, execution.retry_count) if execution.attempts else run.version.jitter
        latest = self._state.clock.now() + timedelta(seconds=wait)
        if due > latest:
            run.update(execution.evolve(next_attempt_at=latest))
            await self._recorder.record(run.execution)
