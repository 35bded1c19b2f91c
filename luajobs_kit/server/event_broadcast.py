"""The broadcast of the engine's events to any number of followers over HTTP.

Each event is written as JSON once, for all followers, and its line is kept with it in the engine's
tail of events. A follower is a position in that tail, and nobody waits for it. One that falls
behind the tail is cut; it comes back with its cursor and receives ``Resync``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

from luajobs_kit import http_protocol, port_schema
from luajobs_kit.engine.events import Events
from luajobs_kit.errors import LuaJobsError
from luajobs_kit.model import Event, Resync

GATHER: Final = 0.010  # seconds; events this close together are sent in one piece


class Broadcast:
    """The engine's events as lines ready to send, and the streams of the followers."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._first = events.position  # from there on every event's line is written,
        self._position = events.position  # up to here
        self._joined = ((0, 0), b"")  # the positions between which a piece lies, and the piece
        self._wakeup = asyncio.Event()
        self._last_wake = 0.0
        self._wake_later: asyncio.TimerHandle | None = None
        self._closed = False
        self.last_word: LuaJobsError | None = None
        """Why followers' streams end, if not in the ordinary way; their clients raise it."""
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to write the events' lines, in the running loop."""
        self._reader = asyncio.create_task(self._write_lines())

    async def aclose(self) -> None:
        """Write no more lines, and end every follower's stream."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader

    @property
    def cursor(self) -> str:
        """The id of the newest event whose line is written."""
        return f"{self._events.epoch}.{self._position}"

    async def follow(self, after: str | None) -> AsyncIterator[bytes]:
        """Yield server-sent events after the cursor, several at a time.

        The stream of a follower that has fallen behind ends without an event.
        """
        position = self._position if after is None else self._find(after)
        if position is None:
            position = self._position
            yield self._resync()
        cursor = f"{self._events.epoch}.{position}"
        yield message("cursor", f'"{cursor}"', cursor)
        while True:
            if position < self._position:
                if position < self._oldest:
                    return
                piece = self._piece(position)
                position = self._position
                yield piece
            elif self._closed:
                why = self.last_word
                yield message(
                    "end", "{}" if why is None else http_protocol.write_error(why).decode()
                )
                return
            else:
                await self._wakeup.wait()

    @property
    def _oldest(self) -> int:
        """The earliest position that can be followed from without a gap."""
        return max(self._first, self._events.oldest)

    def _piece(self, position: int) -> bytes:
        """Return the lines after ``position``, joined once for all followers that are as far."""
        span = (position, self._position)
        if self._joined[0] != span:
            self._joined = (span, self._events.lines(*span))
        return self._joined[1]

    async def _write_lines(self) -> None:
        try:
            async for published in self._events.follow_published(self._position):
                if isinstance(published.event, Resync):  # this task fell behind the tail itself
                    self._first = self._position = self._events.position
                else:
                    self._events.set_line(published, _line(published.event))
                    self._position += 1
                self._wake()
                await asyncio.sleep(0)  # a line may take long to write: others get their turn
        finally:
            self._closed = True
            self._wakeup.set()

    def _wake(self) -> None:
        """Wake the followers now, or within GATHER seconds if that was done just before."""
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
        self._wakeup.set()
        if not self._closed:
            self._wakeup = asyncio.Event()

    def _find(self, cursor: str) -> int | None:
        position = self._events.find(cursor)
        if position is None or not self._oldest <= position <= self._position:
            return None
        return position

    def _resync(self) -> bytes:
        return _line(Resync(id=self.cursor, at=datetime.now(UTC)))


def message(name: str, data: str, cursor: str | None = None) -> bytes:
    """Return one server-sent event; ``data`` is one line of JSON.

    With a ``cursor``, any client of server-sent events asks for what came after it when it comes
    back (header ``Last-Event-ID``).
    """
    place = "" if cursor is None else f"id: {cursor}\n"
    return f"{place}event: {name}\ndata: {data}\n\n".encode()


def _line(event: Event) -> bytes:
    kind = port_schema.verb("events").answer
    data = kind.dump_json(event, by_alias=True, exclude_none=True).decode()
    return message("event", data, event.id)
