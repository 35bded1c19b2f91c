"""The places for attempts: so many work at once, as the workspace's setting says now."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from luajobs_kit.engine.runs.activity import Activity


class Places:
    """Gives them in the order they are asked for; ``most`` says how many there are.

    Who waits for one is not active: in virtual time the code of those who hold the places may
    sleep, and time must go on for them to leave.
    """

    def __init__(self, most: Callable[[], int], activity: Activity) -> None:
        self._most = most
        self._activity = activity
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place inside the block; asked for by a run that is active."""
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
            if not waits.done():  # its run was stopped
                self._taken += 1
                self._activity.wake()  # at once, before time can move on
                waits.set_result(None)

    async def _take(self) -> None:
        if not self._waiting and self._taken < self._most():
            self._taken += 1
            return
        waits = asyncio.get_running_loop().create_future()
        self._waiting.append(waits)
        self._activity.rest()
        try:
            await waits
        except asyncio.CancelledError:
            if waits.cancelled():
                self._activity.wake()  # to record its end
            else:
                self._taken -= 1
                self.give()
            raise
