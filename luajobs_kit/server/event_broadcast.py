"""One reader of the engine's events, any number of followers over HTTP.

Each event is written as JSON once and kept for a while; a follower is a position in that
tail. Nobody waits for a follower: one that falls behind the tail is cut, comes back with
its cursor and is told to read afresh.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from luajobs_kit import http_protocol, port_schema
from luajobs_kit.errors import LuaJobsError
from luajobs_kit.model import Event, Resync
from luajobs_kit.port import Port

KEPT: Final = 10_000  # events
KEPT_BYTES: Final = 32 * 2**20
GATHER: Final = 0.010  # seconds; what happens this close together travels in one piece


class Broadcast:
    """The tail of events, as bytes ready to send."""

    def __init__(self, port: Port, *, keep: int = KEPT, keep_bytes: int = KEPT_BYTES) -> None:
        self._port = port
        self._keep, self._keep_bytes = keep, keep_bytes
        self._tail: deque[bytes] = deque()
        self._size = 0  # bytes in the tail
        self._epoch = ""
        self._position = 0  # sequence of the newest event
        self._joined = ((0, 0), b"")  # the positions between which a piece lies, and the piece
        self._news = asyncio.Event()
        self._last_wake = 0.0
        self._wake_later: asyncio.TimerHandle | None = None
        self._closed = False
        self.last_word: LuaJobsError | None = None
        """Why followers' streams end, where that is no ordinary end; they raise it."""
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read. Followers that come before miss nothing from here on."""
        stream = self._port.events(after="-")  # no engine has that cursor: it answers with its own
        self._take(await anext(stream))
        self._reader = asyncio.create_task(self._read(stream))

    async def aclose(self) -> None:
        """Stop reading and end every follower's stream."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader

    @property
    def cursor(self) -> str:
        """The id of the newest event."""
        return f"{self._epoch}.{self._position}"

    async def follow(self, after: str | None) -> AsyncIterator[bytes]:
        """Yield server-sent events after the cursor, several at a time.

        Returns without a word to a follower that has fallen behind.
        """
        position = self._position if after is None else self._find(after)
        if position is None:
            position = self._position
            yield self._resync()
        cursor = f"{self._epoch}.{position}"
        yield message("cursor", f'"{cursor}"', cursor)
        while True:
            if position < self._position:
                missed = self._position - position
                if missed > len(self._tail):
                    return
                piece = self._piece(position, missed)
                position = self._position
                yield piece
            elif self._closed:
                word = self.last_word
                yield message(
                    "end", "{}" if word is None else http_protocol.write_error(word).decode()
                )
                return
            else:
                await self._news.wait()

    def _piece(self, position: int, missed: int) -> bytes:
        """Return the last events, joined once for all followers that are equally far."""
        which = (position, self._position)
        if self._joined[0] != which:
            tail = islice(self._tail, len(self._tail) - missed, None)
            self._joined = (which, b"".join(tail))
        return self._joined[1]

    async def _read(self, stream: AsyncIterator[Event]) -> None:
        try:
            async for event in stream:
                self._take(event)
                await asyncio.sleep(0)  # each may be large: they are not all written at one go
        finally:
            self._closed = True
            self._news.set()

    def _take(self, event: Event) -> None:
        epoch, _, sequence = event.id.partition(".")
        if isinstance(event, Resync):  # the beginning, or we were too slow ourselves
            self._tail.clear()
            self._size = 0
        else:
            self._keep_line(_written(event))
        self._epoch, self._position = epoch, int(sequence)
        self._wake()

    def _keep_line(self, line: bytes) -> None:
        self._tail.append(line)
        self._size += len(line)
        while len(self._tail) > self._keep or self._size > self._keep_bytes:
            self._size -= len(self._tail.popleft())

    def _wake(self) -> None:
        """Wake the followers now, or once in GATHER seconds when much happens."""
        if self._wake_later is not None:
            return
        loop = asyncio.get_running_loop()
        wait = self._last_wake + GATHER - loop.time()
        if wait <= 0:
            self._wake_now()
        else:
            self._wake_later = loop.call_later(wait, self._wake_now)

    def _wake_now(self) -> None:
        self._wake_later = None
        self._last_wake = asyncio.get_running_loop().time()
        self._news.set()
        if not self._closed:
            self._news = asyncio.Event()

    def _find(self, cursor: str) -> int | None:
        epoch, _, sequence = cursor.partition(".")
        if epoch != self._epoch or not (sequence.isascii() and sequence.isdecimal()):
            return None
        position = int(sequence[:18])
        oldest = self._position - len(self._tail)
        return position if oldest <= position <= self._position else None

    def _resync(self) -> bytes:
        return _written(Resync(id=self.cursor, at=datetime.now(UTC)))


def message(name: str, data: str, cursor: str | None = None) -> bytes:
    """Return one server-sent event; ``data`` is one line of JSON.

    With a ``cursor``, any client of such streams asks for what came after it by itself when it
    comes back (``Last-Event-ID``).
    """
    place = "" if cursor is None else f"id: {cursor}\n"
    return f"{place}event: {name}\ndata: {data}\n\n".encode()


def _written(event: Event) -> bytes:
    kind = port_schema.verb("events").answer
    data = kind.dump_json(event, by_alias=True, exclude_none=True).decode()
    return message("event", data, event.id)
