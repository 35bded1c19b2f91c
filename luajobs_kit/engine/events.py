"""The engine's events: numbered, kept for a while, followed from any cursor."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Final

from pydantic_core import to_json

from luajobs_kit.clock import Clock
from luajobs_kit.model import (
    AttemptFailed,
    Event,
    ExecutionFinished,
    JobCreated,
    JobUpdated,
    LogWritten,
    MessageSent,
    Resync,
)

KEPT: Final = 10_000  # events; a follower further behind is told to read afresh
KEPT_BYTES: Final = 4 * 2**20
"""Bytes of JSON that job code may add to the events kept; as Python objects they take some five times as much."""


class Events:
    """Publishing never waits: followers read from one shared, bounded tail."""

    announces_jobs = True
    """Whether a job is published as it now is after every change (it costs putting it together)."""

    def __init__(self, clock: Clock, *, keep: int = KEPT, keep_bytes: int = KEPT_BYTES) -> None:
        self.epoch = secrets.token_hex(4)
        self._clock = clock
        self._keep, self._keep_bytes = keep, keep_bytes
        self._tail: deque[Event] = deque()
        self._weights: deque[int] = deque()  # of the same events
        self._bytes = 0  # their sum
        self._published = 0
        self._news = asyncio.Event()
        self._closed = False

    def publish(self, event: Event) -> None:
        """Give the event its number, and hand it to every follower."""
        self._published += 1
        self._tail.append(event.evolve(id=f"{self.epoch}.{self._published}"))
        self._weights.append(_weight(event))
        self._bytes += self._weights[-1]
        while len(self._tail) > self._keep or (
            self._bytes > self._keep_bytes and len(self._tail) > 1
        ):
            self._tail.popleft()
            self._bytes -= self._weights.popleft()
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


def _weight(event: Event) -> int:
    """Return the bytes of JSON in an event that job code decides about; all else is small."""
    match event:
        case ExecutionFinished() | AttemptFailed():
            return _size(event.execution.result)
        case JobCreated() | JobUpdated():  # the execution in it is the one of the event before
            return _size(event.job.metadata)
        case LogWritten():
            return len(event.line.message)
        case MessageSent():
            return _size(event.message.content)
    return 0


def _size(value: Any) -> int:
    try:
        return len(to_json(value))
    except ValueError:  # half a surrogate pair
        return len(repr(value))
