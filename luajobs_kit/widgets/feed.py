"""A thread that follows an engine for a panel, and asks it what the panel's buttons ask."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import aclosing, suppress
from typing import Any, Final, TypeVar, cast

from pydantic import TypeAdapter

from luajobs_kit.acting import acting_as
from luajobs_kit.model import LogQuery, Message, Resync
from luajobs_kit.widgets.connection import Connection, Question
from luajobs_kit.widgets.state import LINES_KEPT, MESSAGES_KEPT, RUNS_KEPT, Changed, PanelState

T = TypeVar("T")

NOWHERE: Final = "nowhere.0"
"""A cursor of no epoch: the engine answers it with ``Resync`` first, so everything is read
with the stream already open and nothing falls between the two."""
PAUSE: Final = 1.0  # seconds between two tries to get the stream back
HEARTBEAT: Final = 2.0  # seconds
PATIENCE: Final = 4.0  # seconds that one heartbeat may take
BATCH: Final = 0.05  # seconds in which changes are gathered before they are told

_MESSAGES: Final[TypeAdapter[list[Message]]] = TypeAdapter(list[Message])


class Feed:
    """One live feed: its own thread, event loop and connection.

    ``state`` is kept up to date; listeners are told what changed, on the feed's thread, at
    most once every ``BATCH`` seconds. ``user`` is who acts when something is asked.
    """

    def __init__(self, connect: Callable[[], Connection], *, user: str | None = None) -> None:
        self.state = PanelState()
        self._connect = connect
        self._user = user
        self._listeners: list[Callable[[Changed], None]] = []
        self._loop = asyncio.new_event_loop()
        self._running = threading.Event()
        self._read = threading.Event()
        self._thread = threading.Thread(target=self._run, name="luajobs-panel", daemon=True)

    # From any thread

    def start(self) -> None:
        self._thread.start()
        self._running.wait()

    def listen(self, listener: Callable[[Changed], None]) -> None:
        """Tell ``listener`` what changes, from now on."""
        self._listeners.append(listener)

    def post(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the feed's thread; returns at once."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def wait_read(self, timeout: float) -> bool:
        """Wait until everything was read for the first time; return whether it was."""
        return self._read.wait(timeout)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        """End the thread and its connection; returns when both are gone."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._serving.cancel)
            self._thread.join()

    # On the feed's thread

    async def ask(self, question: Question[T]) -> T:
        """Put a question to the engine as the panel's user. Raises what the port raises."""
        with acting_as(self._user):
            return await self._connection.ask(question)

    async def select(self, job_id: str | None) -> None:
        """Look at another job: its log and its runs are read."""
        if self.state.select(job_id):
            self._news.set()
            await self._read_detail()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._serving = self._loop.create_task(self._serve())
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._serving)
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _serve(self) -> None:
        self._connection = self._connect()
        self._news = asyncio.Event()
        self._running.set()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow())
                tasks.create_task(self._beat())
                tasks.create_task(self._tell())
        finally:
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
            await self._connection.aclose()

    async def _follow(self) -> None:
        while True:
            why = "the engine ended"
            try:
                stream = cast("Any", self._connection.events(NOWHERE))
                async with aclosing(stream):
                    async for event in stream:
                        if isinstance(event, Resync):
                            await self._read_afresh()
                        else:
                            self.state.apply(event)
                            await self._select_some()
                        self._news.set()
            except Exception as problem:  # noqa: BLE001 - a panel outlives whatever its connection does
                why = str(problem) or type(problem).__name__
            self.state.lose(why)
            self._news.set()
            await asyncio.sleep(PAUSE)

    async def _read_afresh(self) -> None:
        jobs = await self.ask(lambda port: port.list_jobs(include_dynamic=True))
        inbox = await self.ask(lambda port: port.call("user.inbox", {"limit": MESSAGES_KEPT}))
        status = await self.ask(lambda port: port.status())
        self.state.refresh(status, jobs, _MESSAGES.validate_python(inbox))
        await self._read_detail()
        self._read.set()

    async def _select_some(self) -> None:
        """Look at the newest job where none is looked at: the first one made, or the next left."""
        if self.state.selected_id is None and self.state.jobs:
            await self.select(next(reversed(self.state.jobs)))

    async def _read_detail(self) -> None:
        job_id = self.state.selected_id
        if job_id is None:
            return
        query = LogQuery(job_id=job_id, limit=LINES_KEPT)
        lines = await self.ask(lambda port: port.logs(query))
        runs = await self.ask(lambda port: port.list_executions(job_id, limit=RUNS_KEPT))
        self.state.fill(job_id, lines.logs, runs.executions)
        self._news.set()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            try:
                async with asyncio.timeout(PATIENCE):
                    self.state.heard(await self.ask(lambda port: port.status()))
            except Exception:  # noqa: BLE001 - _follow says why; here it only shows as age
                self.state.doubt()
            self._news.set()

    async def _tell(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(BATCH)
            changed = self.state.take()
            for listener in list(self._listeners):
                listener(changed)
