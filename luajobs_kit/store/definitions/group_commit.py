"""The event loop's way of bringing commits to the disk: many share one sync.

A hand-over to another thread and back costs about as much as a sync of a good disk. So
a sync that will probably be over at once is made in the loop's own thread, any other
one beside it: a slow one stops the loop once, and then not again until the disk has been
fast for a while.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

QUICK: Final = 0.001  # seconds of the loop's time that a sync may take
_FADING: Final = 0.9  # of a slow sync's time counts at the next: one of 10 ms for 22 syncs

Waiters = list[asyncio.Future[None]]


class Syncer:
    """Makes the commits of one event loop durable, all that wait at the same time by one sync.

    ``sync(wait)`` syncs; without ``wait`` it does nothing and returns False where another
    thread is at it. ``settle()`` is called in the loop afterwards. Neither raises.
    """

    def __init__(self, sync: Callable[[bool], bool], settle: Callable[[], None]) -> None:
        self._sync = sync
        self._settle = settle
        self._expected = QUICK  # seconds; so the first sync is made beside the loop
        self._waiting: Waiters = []
        self._busy = False  # whether those who wait will be served
        self._asked: queue.SimpleQueue[tuple[asyncio.AbstractEventLoop, Waiters] | None]
        self._asked = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def on_disk(self, done: Callable[[], bool]) -> None:
        """Return when ``done()``, which a sync that begins after this call makes true.

        The sync is made even if the caller is cancelled.
        """
        try:
            await asyncio.sleep(0)  # whoever is about to commit as well comes along
        except asyncio.CancelledError:
            self._ask()
            raise
        if not done() and not self._sync_here():
            await self._ask()

    def _sync_here(self) -> bool:
        if self._expected >= QUICK or not self._timed(wait=False):
            return False
        self._settle()
        return True

    def _timed(self, *, wait: bool) -> bool:
        begun = time.perf_counter()
        done = self._sync(wait)
        self._expected = max(time.perf_counter() - begun, self._expected * _FADING)
        return done

    def _ask(self) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiting.append(waiter)
        if not self._busy:
            self._busy = True
            loop.call_soon(self._hand_over, loop)
        return waiter

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="luajobs-definitions-sync", daemon=True
            )
            self._thread.start()
        waiters, self._waiting = self._waiting, []
        self._asked.put((loop, waiters))

    def _run(self) -> None:
        # Half the price of a thread pool's hand-over.
        while (asked := self._asked.get()) is not None:
            loop, waiters = asked
            self._timed(wait=True)
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(self._finish, loop, waiters)

    def _finish(self, loop: asyncio.AbstractEventLoop, waiters: Waiters) -> None:
        self._settle()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        if self._waiting:
            self._hand_over(loop)
        else:
            self._busy = False

    def close(self) -> None:
        """End the thread, after what it was asked for."""
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join()
            self._thread = None
