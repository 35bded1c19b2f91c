"""A thread that syncs for an event loop, so that no fsync ever stops the loop.

A thread pool would do; this does the same at half the price of a hand-over, and a
hand-over is a good part of what a commit costs.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress


class Syncer:
    """Runs ``sync()`` in its own thread whenever asked to; must not raise."""

    def __init__(self, sync: Callable[[], None]) -> None:
        self._sync = sync
        self._asked: queue.SimpleQueue[
            tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None
        ]
        self._asked = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def ask(self) -> asyncio.Future[None]:
        """Return a future that is done after a sync that begins after this call."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="luajobs-definitions-sync", daemon=True
            )
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._asked.put((loop, future))
        return future

    def _run(self) -> None:
        while (asked := self._asked.get()) is not None:
            loop, future = asked
            self._sync()
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(_finish, future)

    def close(self) -> None:
        """End the thread, after what it was asked for."""
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join()
            self._thread = None


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
