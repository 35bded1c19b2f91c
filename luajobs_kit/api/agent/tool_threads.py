"""Threads for tools: event loops that serve and run them, and one thread for each plain function.

What a tool does then holds up neither the other tools nor whoever asks for them: a cell that is busy,
an ``async def`` that blocks, a plain function that waits.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Final
from weakref import WeakSet

BLOCKED: Final = 0.5  # seconds without a step after which a loop is taken to be blocked
ENDING: Final = 2.0  # seconds a thread is given to end


async def in_thread(function: Callable[..., Any], /, **arguments: Any) -> Any:
    """Call a plain function in a thread of its own; return what it returns, or raise what it raises.

    A pool would make the next call wait for one that hangs, and Python's end wait for it too.
    """
    answer: Future[Any] = Future()
    answer.set_running_or_notify_cancel()  # from here on nobody can cancel it
    context = copy_context()

    def call() -> None:
        try:
            answer.set_result(context.run(function, **arguments))
        except StopIteration as problem:  # a future cannot hold it, for it ends what awaits
            raised = RuntimeError("the function raised StopIteration")
            raised.__cause__ = problem
            answer.set_exception(raised)
        except BaseException as problem:  # noqa: BLE001 - whoever awaits gets it
            answer.set_exception(problem)

    threading.Thread(target=call, name=f"tool {function.__name__}", daemon=True).start()
    return await asyncio.wrap_future(answer)


class LoopThread:
    """An event loop in a thread of its own, until it is stopped or the program ends."""

    def __init__(self, name: str) -> None:
        self._stopped = asyncio.Event()
        begun: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._live(begun)), name=name, daemon=True
        )
        self._thread.start()
        self.loop = begun.result()
        _LIVING.add(self)

    async def _live(self, begun: Future[asyncio.AbstractEventLoop]) -> None:
        begun.set_result(asyncio.get_running_loop())
        await self._stopped.wait()  # then asyncio.run cancels what is left, and closes the loop

    async def answers(self) -> bool:
        """Whether the loop makes a step now."""
        step = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self.loop))
        return bool((await asyncio.wait({step}, timeout=BLOCKED))[0])

    def stop(self) -> None:
        """Have the loop end, when it is next free."""
        with suppress(RuntimeError):  # it has ended
            self.loop.call_soon_threadsafe(self._stopped.set)

    def join(self) -> None:
        """Wait until the loop has ended, for so long as one that is not blocked takes."""
        self._thread.join(ENDING)


_LIVING: Final[WeakSet[LoopThread]] = WeakSet()


@atexit.register
def _stop_all() -> None:
    """Let go of connections in order, where a tool does not hold its loop up."""
    living = list(_LIVING)
    for thread in living:
        thread.stop()
    for thread in living:
        thread.join()


class ToolLoops:
    """The event loop that tools share, and the next one while one of them blocks it."""

    def __init__(self) -> None:
        self._threads: list[LoopThread] = []

    async def run(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run what is called for a coroutine on a loop that is free."""
        loop = (await self._free()).loop
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), loop))

    async def _free(self) -> LoopThread:
        while True:
            tried = list(self._threads)
            for thread in tried:
                if await thread.answers():
                    # The next call finds it first.
                    self._threads.sort(key=lambda each: each is not thread)
                    return thread
            if self._threads == tried:  # no other call has begun one meanwhile
                self._threads.insert(0, LoopThread("tools"))
                return self._threads[0]

    def stop(self) -> None:
        """End every loop, each when it is next free; what runs on it is cancelled."""
        for thread in self._threads:
            thread.stop()
        self._threads.clear()
