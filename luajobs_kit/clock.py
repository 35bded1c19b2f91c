"""System and virtual time. Everything that waits or reads the time is given a clock."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

LONGEST_WAIT: Final = 5.0
"""Seconds of real time after which ``SystemClock`` looks at the wall clock again."""

_COARSE: Final = 0.001
"""Seconds by which a loop's timer may be late: on Linux it counts whole milliseconds, rounded up."""

_STEP: Final = 1.0  # seconds by which a clock is put back; less is time being kept by the network

_TURNS: Final = 3  # of the loop, in which who was woken may sleep again before time moves on


class Clock(Protocol):
    """What the engine knows of time."""

    def now(self) -> datetime:
        """Return the wall clock's time, aware, in UTC."""
        ...

    async def sleep_until(self, when: datetime) -> None:
        """Return once ``now()`` has reached ``when``.

        May return earlier or later by what the platform's timers allow; callers that
        care look at ``now()`` again.
        """
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds, though the clock is put back meanwhile."""
        ...

    def when_put_back(self, call: Callable[[timedelta], None]) -> Callable[[], None]:
        """Have ``call(by)`` called when the clock was put back; returns a function that ends that.

        What waits for a length of time, and not for a time of day, then moves its end by as much.
        """
        ...


class SystemClock:
    """The machine's own time.

    That it was put back, by more than a second, is noticed by whoever sleeps.
    """

    _put_back: tuple[Callable[[timedelta], None], ...] = ()
    _ahead: float | None = None  # seconds by which the wall clock was ahead of the steady one

    def now(self) -> datetime:
        return datetime.now(UTC)

    def when_put_back(self, call: Callable[[timedelta], None]) -> Callable[[], None]:
        self._put_back += (call,)

        def end() -> None:
            self._put_back = tuple(each for each in self._put_back if each is not call)

        return end

    async def sleep_until(self, when: datetime) -> None:
        # Timers count monotonic time: a suspended machine stops them, and a wall clock
        # that is set does not move them. So look again every few seconds.
        while (left := (when - self._looked()).total_seconds()) > 0:
            if left > _COARSE:
                await asyncio.sleep(min(left - _COARSE, LONGEST_WAIT))
            else:
                time.sleep(left)  # noqa: ASYNC251 - exact, where the loop would be late by more than that

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _looked(self) -> datetime:
        """Return the time, having told those who asked where it was put back since the last look."""
        now = self.now()
        before, self._ahead = self._ahead, now.timestamp() - time.monotonic()
        if before is not None and before - self._ahead > _STEP:
            for call in self._put_back:
                call(timedelta(seconds=before - self._ahead))
        return now


class VirtualClock:
    """Time that moves only when told to, for tests and simulation.

    ``sleep_until`` returns when time is moved to or past it, in the order of the instants
    waited for, and of asking for those that are equal.

    ``await clock.advance(hours=3)`` goes from one due instant to the next, in order,
    waking whoever waits for it. Before each step it lets every ``participant`` (an
    engine) finish what the last instant started, so what a run takes in real time
    never shows in virtual time. Others get a few turns of the loop to go to sleep again.
    """

    def __init__(self, start: datetime) -> None:
        self._now = _aware(start, "VirtualClock(start)")
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._participants: list[Callable[[], Awaitable[None]]] = []
        self._put_back: list[Callable[[timedelta], None]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep_until(self, when: datetime) -> None:
        if when <= self._now:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (when, next(self._order), waiter))
        await waiter

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self._now + timedelta(seconds=seconds))

    def join(self, settle: Callable[[], Awaitable[None]]) -> Callable[[], None]:
        """Have ``settle()`` awaited before time moves; returns a function that leaves again."""
        self._participants.append(settle)
        return lambda: self._participants.remove(settle)

    def when_put_back(self, call: Callable[[timedelta], None]) -> Callable[[], None]:
        self._put_back.append(call)
        return lambda: self._put_back.remove(call)

    async def advance(
        self,
        delta: timedelta | None = None,
        *,
        until: datetime | None = None,
        seconds: float = 0,
        minutes: float = 0,
        hours: float = 0,
        days: float = 0,
    ) -> None:
        """Move time forward by the sum of what is given (from ``until`` on, when given), firing what falls due.

        Raises ``ValueError`` when that would move time backwards, or ``until`` is naive.
        """
        step = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        target = self._now if until is None else _aware(until, "advance(until=…)")
        target += (delta or timedelta()) + step
        if target < self._now:
            raise ValueError(
                f"time cannot go back from {self._now} to {target}; use jump() for that"
            )
        await self._settle()
        while await self.step(target):
            continue
        self._now = target
        await self._settle()

    async def step(self, until: datetime) -> bool:
        """Move to the next instant somebody waits for; return False when none is left by ``until``."""
        due = self._next_due()
        if due is None or due > until:
            return False
        self._now = max(self._now, due)
        self._wake()
        await self._settle()
        return True

    async def jump(self, to: datetime) -> None:
        """Set the time at once, forward or back, as a stepped wall clock does.

        Going forward wakes whoever waited for what was jumped over, all at the new time.
        """
        before, self._now = self._now, _aware(to, "jump(to)")
        if self._now < before:
            for call in list(self._put_back):
                call(before - self._now)
        self._wake()
        await self._settle()

    def _next_due(self) -> datetime | None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def _wake(self) -> None:
        while (due := self._next_due()) is not None and due <= self._now:
            _, _, waiter = heapq.heappop(self._sleepers)
            waiter.set_result(None)

    async def _settle(self) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        for settle in list(self._participants):
            await settle()


def _aware(moment: datetime, what: str) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{what} needs an aware datetime, such as one with tzinfo=UTC")
    return moment.astimezone(UTC)
