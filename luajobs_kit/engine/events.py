"""The engine's events: numbered, held in one bounded tail, followed from any cursor.

A follower is a position in the tail, and publishing waits for none. A follower that falls behind
the tail receives ``Resync`` and reads everything afresh.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import islice
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

KEPT: Final = 10_000  # events in the tail
KEPT_BYTES: Final = 4 * 2**20
"""Bytes of JSON in the tail that come from job code; as Python objects they take five times that."""
KEPT_LINES: Final = 32 * 2**20  # bytes of the lines that a server has written of the events


@dataclass(slots=True)
class Published:
    """An event in the tail."""

    event: Event
    size: int  # bytes of JSON in it that come from job code
    line: bytes = b""  # as a server sends it to its followers, written once


class Events:
    """The tail of events, in which every follower has a position."""

    announces_jobs = True
    """Whether a ``JobUpdated`` follows each change of a job; putting one together takes time."""

    def __init__(self, clock: Clock, *, keep: int = KEPT, keep_bytes: int = KEPT_BYTES) -> None:
        self.epoch = secrets.token_hex(4)
        self._clock = clock
        self._keep, self._keep_bytes = keep, keep_bytes
        self._tail: deque[Published] = deque()
        self._size = 0  # the sum of the tail's sizes
        self._lines_size = 0  # bytes of the tail's lines
        self.position = 0
        """The number of the newest event."""
        self._wakeup = asyncio.Event()
        self._closed = False

    def publish(self, event: Event) -> None:
        """Give the event its number, and hand it to every follower."""
        self.position += 1
        published = Published(event.evolve(id=self.cursor), _size_from_jobs(event))
        self._tail.append(published)
        self._size += published.size
        self._trim()
        self._wake()

    def set_line(self, published: Published, line: bytes) -> None:
        """Keep what a server sends of an event that is in the tail."""
        published.line = line
        self._lines_size += len(line)
        self._trim()

    def _trim(self) -> None:
        """Drop the oldest events beyond the bounds; the newest stays, however large it is."""
        while len(self._tail) > self._keep or (
            len(self._tail) > 1 and (self._size > self._keep_bytes or self._lines_size > KEPT_LINES)
        ):
            dropped = self._tail.popleft()
            self._size -= dropped.size
            self._lines_size -= len(dropped.line)

    def close(self) -> None:
        """End every follower's stream, once it has read what is there."""
        self._closed = True
        self._wake()

    @property
    def cursor(self) -> str:
        """The id of the newest event."""
        return f"{self.epoch}.{self.position}"

    @property
    def oldest(self) -> int:
        """The earliest position that can be followed from without a gap."""
        return self.position - len(self._tail)

    def follow(self, after: str | None = None) -> AsyncIterator[Event]:
        """Follow from just after ``after``, or from now on.

        The position is taken when this is called, not at the first ``anext``, so nothing
        that happens in between is missed.
        """
        stream = self.follow_published(self.position if after is None else self.find(after))
        return (published.event async for published in stream)

    async def follow_published(self, position: int | None) -> AsyncIterator[Published]:
        """Follow from just after ``position``; what is behind the tail (None: is) gets ``Resync``."""
        while True:
            if position is None or position < self.oldest:
                position = self.position
                yield Published(Resync(id=self.cursor, at=self._clock.now()), 0)
            while self.oldest <= position < self.position:
                position += 1
                yield self._tail[position - self.position - 1]
            if position == self.position:
                if self._closed:
                    return
                await self._wakeup.wait()

    def lines(self, start: int, end: int) -> bytes:
        """Return the lines of the events after position ``start`` up to ``end``, in one piece."""
        first = start - self.oldest
        return b"".join(each.line for each in islice(self._tail, first, first + end - start))

    def find(self, cursor: str) -> int | None:
        """Return the position of a cursor; None for one of another engine or of events to come."""
        epoch, _, sequence = cursor.partition(".")
        if epoch != self.epoch or not (sequence.isascii() and sequence.isdecimal()):
            return None
        position = int(sequence[:18])  # no engine publishes more
        return position if position <= self.position else None

    def _wake(self) -> None:
        self._wakeup.set()
        if not self._closed:
            self._wakeup = asyncio.Event()


def _size_from_jobs(event: Event) -> int:
    """Return the bytes of JSON in an event that come from job code; all the rest is small."""
    match event:
        case ExecutionFinished() | AttemptFailed():
            return _size(event.execution.result)
        case JobCreated() | JobUpdated():  # its execution is the object of the event before
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
