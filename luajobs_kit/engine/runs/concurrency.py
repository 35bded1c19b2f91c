"""The places for attempts: so many work at once, as the workspace's setting says now."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from luajobs_kit.engine.runs.active import Awake


class Places:
    """Gives them in the order they are asked for; ``most`` says how many there are.

    Who waits for one is not awake: in virtual time those who hold the places may sleep,
    and time must go on for them to leave.
    """

    def __init__(self, most: Callable[[], int], awake: Awake) -> None:
        self._most = most
        self._awake = awake
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place inside the block; asked for by an attempt that is awake."""
        await self._take()
        try:
            yield
        finally:
            self._taken -= 1
            self.give()

    def give(self) -> None:
        """Hand out what is free: a place was left, or there are more than before."""
        while self._waiting and self._taken < self._most():
            waits = self._waiting.popleft()
            if not waits.done():  # its attempt was cancelled
                self._taken += 1
                self._awake.wake()  # at once, before time can move on
                waits.set_result(None)

    async def _take(self) -> None:
        if not self._waiting and self._taken < self._most():
            self._taken += 1
            return
        waits = asyncio.get_running_loop().create_future()
        self._waiting.append(waits)
        self._awake.rest()
        try:
            await waits
        except asyncio.CancelledError:
            if waits.cancelled():
                self._awake.wake()  # as its attempt's end expects it
            else:
                self._taken -= 1
                self.give()
            raise
