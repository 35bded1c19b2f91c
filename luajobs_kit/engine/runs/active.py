"""The executions that are not finished, and which of them do something."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

from luajobs_kit.model import Execution, JobVersion

Stop = Literal["cancelled", "abandoned", "timeout", "deleted", "inactive", "replaced", "paused"]


@dataclass(eq=False)
class Run:
    """An execution that is not finished."""

    execution: Execution
    version: JobVersion
    task: asyncio.Task[None] | None = None
    stopping: Stop | None = None  # why its attempt is being killed
    ending: bool = False  # its attempt is over and being recorded
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def started(self) -> bool:
        return self.task is not None

    @property
    def waits(self) -> bool:
        """Whether it waits: for its time, its turn or its next attempt."""
        return self.execution.status == "pending" and not self.finished.is_set()


class UnderWay:
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


class Turn:
    """The turn of one attempt to work, where only one may: it is given up to sleep, and at the end."""

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock = lock
        self._held = False

    async def __aenter__(self) -> None:
        await self.take()
        _turn.set(self)

    async def __aexit__(self, *_: object) -> None:
        self.give()

    async def take(self) -> None:
        await self._lock.acquire()
        self._held = True

    def give(self) -> None:
        """Let the next one work. Who was stopped in its sleep has none to give."""
        if self._held:
            self._held = False
            self._lock.release()


_turn: ContextVar[Turn | None] = ContextVar("_turn", default=None)
"""Of the attempt whose request is being answered."""


class Awake:
    """Counts the attempts that do something, and do not sleep in virtual time.

    With ``one_at_a_time`` only one is ever awake, so that a simulation's order repeats.
    """

    def __init__(self, *, one_at_a_time: bool) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()
        self._one = asyncio.Lock() if one_at_a_time else None

    def turn(self) -> Any:
        """Return the context in which an attempt works."""
        return Turn(self._one) if self._one else nullcontext()

    async def idle(self) -> None:
        """Return once no attempt is under way or about to start, but for sleeping ones."""
        while self._count:
            await self._none.wait()

    @asynccontextmanager
    async def asleep(self) -> AsyncIterator[None]:
        """Let virtual time pass inside the block, which runs in one attempt's request."""
        turn = _turn.get()
        self.rest()
        if turn is not None:
            turn.give()
        try:
            yield
        finally:
            self.wake()
        if turn is not None:
            await turn.take()

    def wake(self) -> None:
        """Count an attempt that begins, or goes on."""
        self._count += 1
        self._none.clear()

    def rest(self) -> None:
        """Count it no more."""
        self._count -= 1
        if not self._count:
            self._none.set()
