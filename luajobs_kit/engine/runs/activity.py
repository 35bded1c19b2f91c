"""Activity: which runs do something just now, so that virtual time waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from contextvars import ContextVar


class Activity:
    """The activity of runs in real time, which waits for nobody: nothing is counted."""

    def wake(self) -> None:
        """Count a run that begins to do something, or goes on."""

    def rest(self) -> None:
        """Count it no more: it waits, or is over."""

    def working(self) -> AbstractAsyncContextManager[None]:
        """Return the context in which an attempt's code runs."""
        return nullcontext()

    def asleep(self) -> AbstractAsyncContextManager[None]:
        """Return the context in which an attempt's request lets time pass."""
        return nullcontext()


class VirtualActivity(Activity):
    """The activity of runs in virtual time, which moves on only when none does anything.

    With ``one_at_a_time`` only one attempt's code ever runs, so that a simulation's order repeats.
    """

    def __init__(self, *, one_at_a_time: bool = False) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()
        self._one = asyncio.Lock() if one_at_a_time else None

    def wake(self) -> None:
        self._count += 1
        self._none.clear()

    def rest(self) -> None:
        self._count -= 1
        if not self._count:
            self._none.set()

    @property
    def busy(self) -> bool:
        """Whether any run does something."""
        return self._count > 0

    async def idle(self) -> None:
        """Return once every run waits or is over, or its code sleeps."""
        while self._count:
            await self._none.wait()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        if self._one is None:
            yield
            return
        baton = _Baton(self._one)
        await baton.take()
        _baton.set(baton)
        try:
            yield
        finally:
            baton.give()

    @asynccontextmanager
    async def asleep(self) -> AsyncIterator[None]:
        baton = _baton.get()
        self.rest()
        if baton is not None:
            baton.give()
        try:
            yield
        finally:
            self.wake()
        if baton is not None:
            await baton.take()


class _Baton:
    """The lock as one attempt holds it: given up while its code sleeps, and at its end."""

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock = lock
        self._held = False

    async def take(self) -> None:
        await self._lock.acquire()
        self._held = True

    def give(self) -> None:
        """Let the next one work. An attempt that is stopped in its sleep holds nothing."""
        if self._held:
            self._held = False
            self._lock.release()


_baton: ContextVar[_Baton | None] = ContextVar("_baton", default=None)
"""That of the attempt whose request is being answered."""
