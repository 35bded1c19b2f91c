"""The warm sandbox of a process: opened by the first isolated run, kept a while for the next ones.

It lives on a thread with a loop of its own, so that it serves whoever asks: one ``asyncio.run``
after another, several threads, a notebook's cells. It ends when nothing was asked of it for ``IDLE``
seconds, and with the process. A process that was forked from this one opens one of its own.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from luajobs_kit.sandbox import Sandbox

T = TypeVar("T")

IDLE: Final = 30.0  # seconds
MOST_AT_ONCE: Final = 8  # runs; more wait in order
SPARES: Final = 2  # children that wait for their run


class WarmSandbox:
    """One sandbox, open on a thread of its own, and used from others by ``used_by``."""

    def __init__(self) -> None:
        self.is_open = True
        self._sandbox: Sandbox | None = None
        self._opening: asyncio.Task[Sandbox] | None = None
        self._users = 0
        self._leaving: asyncio.TimerHandle | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="luajobs sandbox", daemon=True)
        self._thread.start()

    def used_by(self, use: Callable[[Sandbox], Awaitable[T]]) -> Future[T]:
        """Have ``use`` given the sandbox, on the sandbox's own loop; return the future of its result.

        Called while ``_lock`` is held, so that it does not end at the same moment.
        """
        self._users += 1
        future = asyncio.run_coroutine_threadsafe(self._use(use), self._loop)
        future.add_done_callback(lambda _: self._call(self._used))
        return future

    def end(self) -> None:
        """End every process of it, as this process does that exits."""
        self.is_open = False
        # Its loop reads from the fork server, and would take that one's end for a crash.
        self._call(self._loop.stop)
        self._thread.join()
        if self._sandbox is not None:
            self._sandbox.end()

    def forget(self) -> None:
        """Let go of it in a forked process: it is the parent's."""
        if self._sandbox is not None:
            self._sandbox.forget()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _call(self, function: Callable[[], Any]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)

    async def _use(self, use: Callable[[Sandbox], Awaitable[T]]) -> T:
        if self._leaving is not None:
            self._leaving.cancel()
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        try:
            sandbox = await asyncio.shield(self._opening)
        except Exception:
            self._opening = None  # the next one tries again
            raise
        return await use(sandbox)

    async def _open(self) -> Sandbox:
        from luajobs_kit.sandbox import Sandbox  # noqa: PLC0415 - it loads RestrictedPython, which is slow

        self._sandbox = Sandbox(max_children=MOST_AT_ONCE, spares=SPARES)
        return await self._sandbox.__aenter__()

    def _used(self) -> None:
        self._users -= 1
        if self._leaving is not None:
            self._leaving.cancel()
        self._leaving = self._loop.call_later(IDLE, self._leave)

    def _leave(self) -> None:
        with _lock:
            if self._users:
                return
            self.is_open = False
        self._closing = asyncio.ensure_future(self._close(), loop=self._loop)

    async def _close(self) -> None:
        if self._sandbox is not None:
            await self._sandbox.aclose()
        self._loop.stop()


_lock = threading.Lock()
_warm: WarmSandbox | None = None


def in_warm_sandbox(use: Callable[[Sandbox], Awaitable[T]]) -> Future[T]:
    """Have ``use`` given this process's warm sandbox; return the future of its result."""
    global _warm  # noqa: PLW0603 - one for the process
    with _lock:
        if _warm is None or not _warm.is_open:
            _warm = WarmSandbox()
        return _warm.used_by(use)


def _end() -> None:
    if _warm is not None and _warm.is_open:
        _warm.end()


def _begin_anew() -> None:
    """In a forked process: no thread of the parent's goes on here, and a lock may be held for ever."""
    global _lock, _warm  # noqa: PLW0603 - likewise
    _lock = threading.Lock()
    if _warm is not None:
        _warm.forget()
        _warm = None


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
