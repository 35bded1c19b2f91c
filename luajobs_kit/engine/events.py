"""The engine's events: numbered, kept for a while, followed from any cursor."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from luajobs_kit.clock import Clock
from luajobs_kit.model import Event, Resync

KEPT: Final = 10_000  # events; a follower further behind is told to read afresh


class Events:
    """Publishing never waits: followers read from one shared, bounded tail."""

    announces_jobs = True
    """Whether a job is published as it now is after every change (it costs putting it together)."""

    def __init__(self, clock: Clock, *, keep: int = KEPT) -> None:
        self.epoch = secrets.token_hex(4)
        self._clock = clock
        self._tail: deque[Event] = deque(maxlen=keep)
        self._published = 0
        self._news = asyncio.Event()
        self._closed = False

    def publish(self, event: Event) -> None:
        """Give the event its number, and hand it to every follower."""
        self._published += 1
        self._tail.append(event.evolve(id=f"{self.epoch}.{self._published}"))
        self._wake()

    def close(self) -> None:
        """End every follower's stream, once it has read what is there."""
        self._closed = True
        self._wake()

    @property
    def cursor(self) -> str:
        """The id of the newest event."""
        return f"{self.epoch}.{self._published}"

    def follow(self, after: str | None = None) -> AsyncIterator[Event]:
        """Follow from just after ``after``, or from now on.

        The position is taken when this is called, not at the first ``anext``, so nothing
        that happens in between is missed.
        """
        position = self._published if after is None else self._position(after)
        return self._read(position)

    async def _read(self, position: int | None) -> AsyncIterator[Event]:
        while True:
            oldest = self._published - len(self._tail)
            if position is None or position < oldest:
                position = self._published
                yield Resync(id=self.cursor, at=self._clock.now())
            while position < self._published:
                missed = self._published - position
                if missed > len(self._tail):
                    break  # it fell behind while it was reading
                position += 1
                yield self._tail[-missed]
            else:
                if self._closed:
                    return
                await self._news.wait()

    def _position(self, cursor: str) -> int | None:
        epoch, _, sequence = cursor.partition(".")
        if epoch != self.epoch or not sequence.isdecimal() or int(sequence) > self._published:
            return None
        return int(sequence)

    def _wake(self) -> None:
        self._news.set()
        if not self._closed:
            self._news = asyncio.Event()
