"""A thread that follows an engine for a panel, and asks it what the panel's buttons ask."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, TypeVar

from luajobs_kit.live.change_set import Changed, Topic
from luajobs_kit.live.engine_link import EngineLink
from luajobs_kit.live.event_feed import Feed
from luajobs_kit.live.live_state import LiveState

T = TypeVar("T")

JOBS_KEPT: Final = 1_000  # the newest; a browser's table of more becomes slow
BATCH: Final = 0.05  # seconds in which changes are gathered before they are told
SHOWN: Final[tuple[Topic, ...]] = ("log", "executions", "messages")


class PanelFeed(Feed):
    """A feed with a thread and an event loop of its own, which a busy cell does not hold up.

    Listeners are told what changed, on the feed's thread, at most once every ``BATCH``
    seconds. What a panel shows of a job is read as soon as it is selected.
    """

    def __init__(self, connection: EngineLink, *, user: str | None = None) -> None:
        state = LiveState(most_jobs=JOBS_KEPT, everybodys=True)
        super().__init__(connection, state, self._noted, user=user)
        self._listeners: list[Callable[[Changed], None]] = []
        self._loop = asyncio.new_event_loop()
        self._news = asyncio.Event()
        self._running = threading.Event()
        self._settled = threading.Event()
        self._thread = threading.Thread(target=self._live, name="luajobs-panel", daemon=True)

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
        return self._settled.wait(timeout)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        """End the thread and its connection; returns when both are gone."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._serving.cancel)
            self._thread.join()

    # On the feed's thread

    async def select(self, job_id: str | None) -> None:
        """Look at another job: its log and its runs are read."""
        if self.state.select(job_id):
            self._noted()
            await self.settle()

    async def settle(self) -> None:
        """Look at the newest job where none is looked at, and read what is not read yet."""
        state = self.state
        if state.selected_id is None and state.jobs:
            state.select(next(reversed(state.jobs)))
        for topic in SHOWN:
            if topic not in state.loaded and (state.selected_id or topic == "messages"):
                await self.read(topic)
        self._settled.set()

    def _live(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._serving = self._loop.create_task(self._serve())
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._serving)
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _serve(self) -> None:
        self._running.set()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.run())
                tasks.create_task(self._tell())
        finally:
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
            await self._connection.aclose()

    def _noted(self) -> None:
        self._news.set()

    async def _tell(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(BATCH)
            changed = self.state.take()
            for listener in list(self._listeners):
                listener(changed)
