"""Log lines: numbered at once, committed in batches, found by job, run, user, time and words."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from contextlib import suppress
from itertools import islice
from typing import Final

from luajobs_kit.errors import InvalidInput, LuaJobsError
from luajobs_kit.model import LogLine, LogPage, LogQuery
from luajobs_kit.store.database.database import Database
from luajobs_kit.store.history.log_rows import Row, first_number, insert, last_seq, to_row
from luajobs_kit.store.history.log_search import find

MOST_WAITING: Final = 65_536
"""Lines that wait to be written, at most. Every start skips as many numbers: one that was
shown but died with its process is never given to another line."""

_STEP: Final = 1000  # lines a transaction, some 30 ms: a claim never waits for more


class Logs:
    """The log lines of every job."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._next = first_number(database.connection, MOST_WAITING)
        self._waiting: deque[Row] = deque()
        self._lock = threading.Lock()
        self._flushing = 0  # the last number in the writer's transaction; its thread's own

    def write(self, line: LogLine) -> LogLine:
        """Return the line with its number; it can be read by others within 50 ms.

        When the disk is full for so long that ``MOST_WAITING`` lines wait already, the line is
        let go and comes back with ``seq`` 0.
        """
        self._database.refuse_closed()
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                return line
            first = not self._waiting
            kept = line.evolve(seq=self._next)
            self._next += 1
            self._waiting.append(to_row(kept))
        if first:
            self._database.soon(self.flush, self.flushed)
        return kept

    def flush(self, connection: sqlite3.Connection) -> None:
        """Insert the first of what waits, as part of the writer's transaction; ``flushed`` belongs after it."""
        last = last_seq(connection)
        with self._lock:
            rows = [row for row in islice(self._waiting, _STEP) if row[0] > last]
        self._flushing = rows[-1][0] if rows else last
        if rows:
            insert(connection, rows, full_text=self._database.full_text)

    def flushed(self) -> None:
        """Let go of what is committed."""
        with self._lock:
            while self._waiting and self._waiting[0][0] <= self._flushing:
                self._waiting.popleft()
            more = bool(self._waiting)
        if more:
            self._database.soon(self.flush, self.flushed, wait=0)

    def _last_needed(self, query: LogQuery) -> int:
        """Return the number up to which lines must be committed before ``query`` is answered."""
        with self._lock:
            if query.after is None or not self._waiting:
                return self._next - 1
            # Who follows a flood reads along, instead of waiting until all of it is written.
            first: int = self._waiting[0][0]
            return max(query.after, first - 1) + query.limit

    def _waits_for(self, last: int) -> bool:
        with self._lock:
            return bool(self._waiting) and self._waiting[0][0] <= last

    async def page(self, query: LogQuery) -> LogPage:
        """Return the lines that ``query`` asks for, those just written included.

        Newest first by pages; or, with ``after``, the lines numbered higher, oldest first:
        asking again with the last line's ``seq`` gives every line once. ``context`` adds to
        each line found the lines of its own run around it (they do not count in ``limit``).
        Raises ``InvalidInput``.
        """
        if query.limit < 1 or query.page < 1 or query.context < 0:
            raise InvalidInput(
                f"A page of lines needs limit and page of 1 or more and context of 0 or more;"
                f" got limit={query.limit}, page={query.page}, context={query.context}."
            )
        last = max(query.limit * query.page, query.context, abs(query.after or 0))
        if last + query.limit >= 2**63:
            raise InvalidInput("A page of lines ends, and after lies, below 2**63; use less.")
        with suppress(LuaJobsError):  # a full disk: it is tried again; what is kept is read
            last = self._last_needed(query)
            while self._waits_for(last):
                await self._database.write(self.flush, durable=False, committed=self.flushed)
        full_text = self._database.full_text
        return await self._database.read(lambda db: find(db, query, full_text=full_text))
