"""The active runs: every unfinished execution, with the phase of its life it is in."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Iterator
from enum import Enum, auto
from typing import Any

from luajobs_kit.engine.runs.activity import Activity
from luajobs_kit.engine.runs.stop_reason import StopReason
from luajobs_kit.model import Execution, JobVersion


class Phase(Enum):
    """The phases of a run's life, in their order; a retry goes back to ``DUE``."""

    NEW = auto()  # its coroutine has not taken its first step
    DUE = auto()  # waits until it is due
    TURN = auto()  # waits for other runs of its job
    BEGUN = auto()  # waits for a place, or its attempt is made
    ENDING = auto()  # its attempt is over, or being stopped, and the end is being recorded
    FINISHED = auto()


class Run:
    """One unfinished execution: how it stands, and the means to wait for it and to stop it."""

    def __init__(self, execution: Execution, version: JobVersion, activity: Activity) -> None:
        self.execution = execution
        self.version = version
        self.phase = Phase.NEW
        self.stopped: StopReason | None = None
        self.failure: Exception | None = None
        """Why its end could not be recorded."""
        self._activity = activity
        self._task: asyncio.Task[None] | None = None
        self._signal: asyncio.Future[None] | None = None
        self._changed: asyncio.Event | None = None

    @property
    def started(self) -> bool:
        """Whether it has its coroutine: what the last engine left has none at first."""
        return self._task is not None

    @property
    def by_hand(self) -> bool:
        """Whether somebody triggered it, so that it is no fire of its job's schedule."""
        return self.execution.cause == "manual"

    @property
    def begun(self) -> bool:
        """Whether it counts among the runs of its job that go on at once."""
        return self.phase in {Phase.BEGUN, Phase.ENDING}

    @property
    def busy(self) -> bool:
        """Whether it is to be waited for when the engine ends in peace."""
        return self.begun or self.phase is Phase.NEW

    @property
    def waits(self) -> bool:
        """Whether it waits: for its time, its turn, a place or its next attempt."""
        return self.execution.status == "pending" and self.phase is not Phase.FINISHED

    def update(self, execution: Execution) -> None:
        """Take over the execution as it now is."""
        self.execution = execution

    def enter(self, phase: Phase) -> None:
        """Go on to a phase, and let those know who wait for that."""
        self.phase = phase
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    async def change(self) -> None:
        """Return when the phase is another one."""
        if self._changed is None:
            self._changed = asyncio.Event()
        await self._changed.wait()

    async def recorded(self) -> None:
        """Return when its attempt's end is not being recorded, or no more."""
        while self.phase is Phase.ENDING:
            await self.change()

    async def finished(self) -> None:
        """Return when it is finished."""
        while self.phase is not Phase.FINISHED:
            await self.change()

    # What its coroutine does, and what is done to that

    def start(self, group: asyncio.TaskGroup, life: Coroutine[Any, Any, None]) -> None:
        """Begin its life, as a task of the group."""
        self.enter(Phase.NEW)
        self._activity.wake()
        self._task = group.create_task(life, name=self.execution.id)

    async def rest(self) -> None:
        """Wait until it is roused."""
        self._signal = asyncio.get_running_loop().create_future()
        self._activity.rest()
        await self._signal

    def rouse(self) -> None:
        """Let it go on, where it rests. It counts as active at once, before virtual time can move."""
        if self._signal is not None and not self._signal.done():
            self._activity.wake()
            self._signal.set_result(None)

    def stop(self, why: StopReason) -> None:
        """Interrupt what its coroutine waits for or does, which then records the end."""
        fresh = self.phase is Phase.NEW  # a task cancelled before its first step never takes it
        self.stopped = why
        self.enter(Phase.ENDING)
        if self._signal is not None and not self._signal.done():
            self._activity.wake()
        if self._task is not None and not fresh:
            self._task.cancel()

    def take_up(self) -> bool:
        """Clear the interruption that its coroutine has caught; whether it was one by ``stop``."""
        if self.stopped is not None and self._task is not None:
            self._task.uncancel()
        return self.stopped is not None

    def try_again(self) -> None:
        """Go back to waiting, for the next attempt."""
        self.stopped = None
        self.enter(Phase.DUE)

    def fail(self, error: Exception) -> None:
        """Give up: its end cannot be recorded."""
        self.failure = error
        self.enter(Phase.FINISHED)


class ActiveRuns:
    """Every unfinished run, by its execution's id and by its job, in the order of the claims."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._of_job: defaultdict[str, dict[str, Run]] = defaultdict(dict)

    def __iter__(self) -> Iterator[Run]:
        return iter(list(self._runs.values()))

    def get(self, execution_id: str) -> Run | None:
        return self._runs.get(execution_id)

    def of(self, job_id: str) -> list[Run]:
        """Return the job's, oldest first."""
        return list(self._of_job[job_id].values()) if job_id in self._of_job else []

    def fires_of(self, job_id: str) -> list[Run]:
        """Return those of the job that are runs of its fires, oldest first."""
        return [run for run in self.of(job_id) if not run.by_hand]

    def add(self, run: Run) -> None:
        self._runs[run.execution.id] = run
        self._of_job[run.execution.job_id][run.execution.id] = run

    def remove(self, run: Run) -> None:
        self._runs.pop(run.execution.id, None)
        job_id = run.execution.job_id
        self._of_job[job_id].pop(run.execution.id, None)
        if not self._of_job[job_id]:
            del self._of_job[job_id]

    def counts(self) -> tuple[int, int]:
        """Return how many attempts run and how many executions wait."""
        running = sum(run.execution.status == "running" for run in self._runs.values())
        return running, len(self._runs) - running
