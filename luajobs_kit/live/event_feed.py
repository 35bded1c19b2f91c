"""The feed of a live state: the engine's events, its heartbeat, and what is read about one job."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Final, TypeVar, cast

from pydantic import TypeAdapter

from luajobs_kit.acting_user import acting_as, watching
from luajobs_kit.errors import EngineFrozen, EngineStopped
from luajobs_kit.live.change_set import Topic
from luajobs_kit.live.engine_link import EngineLink, Question
from luajobs_kit.live.live_state import EXECUTIONS_KEPT, MESSAGES_KEPT, LiveState
from luajobs_kit.model import Job, LogQuery, Message, Resync

T = TypeVar("T")

NOWHERE: Final = "nowhere.0"
"""A cursor of no epoch: the engine answers it with ``Resync`` first, so everything is read
with the stream already open and nothing falls between the two."""
PAUSE: Final = 1.0  # seconds between two tries to get the stream back
HEARTBEAT: Final = 2.0  # seconds
PATIENCE: Final = 4.0  # seconds that one heartbeat may take
LINES_READ: Final = 1_000  # of the log, when a job is selected
FIRES_READ: Final = 5

_MESSAGES: Final[TypeAdapter[list[Message]]] = TypeAdapter(list[Message])


class Feed:
    """Keeps a state up to date. ``on_change`` is called whenever something of it has changed.

    ``run`` goes on until it is cancelled. ``user`` is who acts when something is asked.
    """

    def __init__(
        self,
        connection: EngineLink,
        state: LiveState,
        on_change: Callable[[], object],
        *,
        user: str | None = None,
    ) -> None:
        self.state = state
        self._connection = connection
        self._on_change = on_change
        self._user = user

    async def ask(self, question: Question[T]) -> T:
        """Put a question to the engine as the feed's user. Raises what the port raises."""
        with acting_as(self._user):
            return await self._connection.ask(question)

    async def run(self) -> None:
        """Follow the engine and its heartbeat. A face that is open does not start a stopped one."""
        with watching():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow())
                tasks.create_task(self._beat())

    async def _follow(self) -> None:
        """Follow the engine, through every loss of the connection."""
        while True:
            why, stopped = "the engine ended", False
            try:
                async with aclosing(cast("Any", self._connection.events(NOWHERE))) as stream:
                    async for event in stream:
                        if isinstance(event, Resync):
                            await self._read_afresh()
                        else:
                            self.state.apply(event)
                        await self.settle()
                        self._on_change()
            except Exception as problem:  # noqa: BLE001 - a face outlives whatever its connection does
                why = str(problem) or type(problem).__name__
                stopped = isinstance(problem, EngineStopped)
            self.state.lose(why, stopped=stopped)
            self._on_change()
            await asyncio.sleep(PAUSE)

    async def settle(self) -> None:
        """Do what is to be done before what an event changed is told. For who chooses a job itself."""

    async def _read_afresh(self) -> None:
        jobs = await self.ask(lambda port: port.list_jobs(include_dynamic=True))
        self.state.refresh(await self.ask(lambda port: port.status()), jobs)

    async def _beat(self) -> None:
        """Ask the engine how it is, again and again; silence is told by the last answer's age."""
        while True:
            await asyncio.sleep(HEARTBEAT)
            try:
                async with asyncio.timeout(PATIENCE):
                    self.state.heard(await self.ask(lambda port: port.status()))
            except EngineFrozen as problem:
                self.state.doubt(str(problem))
            except Exception:  # noqa: BLE001 - _follow() says why; here it only shows as age
                self.state.doubt()
            self._on_change()

    async def read(self, topic: Topic) -> None:
        """Read one topic of the selected job. Raises what the port raises."""
        job, state = self.state.selected, self.state
        with watching():
            if topic == "messages":
                read = await self.ask(lambda port: port.call(*self._messages_of(job)))
                state.fill_messages(job.id if job else None, _MESSAGES.validate_python(read)[::-1])
            elif job is not None:
                await self._read_of(job, topic)
        self._on_change()

    async def _read_of(self, job: Job, topic: Topic) -> None:
        match topic:
            case "log":
                query = LogQuery(job_id=job.id, limit=LINES_READ)
                lines = await self.ask(lambda port: port.logs(query))
                self.state.fill_log(job.id, lines.logs[::-1])
            case "executions":
                page = await self.ask(
                    lambda port: port.list_executions(job.id, limit=EXECUTIONS_KEPT)
                )
                self.state.fill_executions(job.id, page.executions[::-1])
            case "schedule":
                fires = await self.ask(lambda port: port.next_runs(job.id, FIRES_READ))
                self.state.fill_fires(job.id, fires)
            case _:
                self.state.loaded.add(topic)  # the code came with the job

    def _messages_of(self, job: Job | None) -> tuple[str, dict[str, Any]]:
        # A pre-defined job may write to anybody.
        if self.state.everybodys or job is None or job.user_id is None:
            return "user.inbox", {"limit": MESSAGES_KEPT}
        return "user.history", {"id": job.user_id, "limit": MESSAGES_KEPT}
