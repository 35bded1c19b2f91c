"""Log lines: numbered at once, committed in batches, found by job, run, user, time and words."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter, deque
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from luajobs_kit.errors import InvalidInput, LuaJobsError
from luajobs_kit.model import LogLine, LogPage, LogQuery, LogSource, Pagination
from luajobs_kit.store.sqlite import Database
from luajobs_kit.store.times import from_micros, to_micros
from luajobs_kit.store.words import matching_all, utf8

LEVELS: Final = ("debug", "info", "warn", "error")
_TROUBLE: Final = LEVELS.index("warn")
MOST_WAITING: Final = 65_536
"""Lines that wait to be written, at most. Every start skips as many numbers: one that was
shown but died with its process is never given to another line."""

_COLUMNS: Final = (
    "seq, at, level, message, duration, source, job_id, job_name, execution_id, attempt,"
    " user_id, tool_name, channel"
)
_INSERT: Final = f"INSERT INTO logs ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  our names
_COUNT: Final = (
    "INSERT INTO log_totals (source, job_id, job_name, level, lines) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET lines = lines + excluded.lines"
)
_LINES: Final = "logs l"
_FOUND: Final = "logs_fts MATCH ?"
_STEP: Final = 1000  # lines a transaction, some 30 ms: a claim never waits for more
Row = tuple[Any, ...]


class Logs:
    """The log lines of every job."""

    def __init__(self, database: Database) -> None:
        self._database = database
        last = last_seq(database.connection)
        self._next = last + MOST_WAITING + 1 if last else 1
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
            self._waiting.append(_to_row(kept))
        if first:
            self._database.soon(self.flush, self.flushed)
        return kept

    def flush(self, connection: sqlite3.Connection) -> None:
        """Insert the first of what waits, as part of the writer's transaction; ``flushed`` belongs after it."""
        last = last_seq(connection)
        with self._lock:
            rows = [row for row in islice(self._waiting, _STEP) if row[0] > last]
        self._flushing = rows[-1][0] if rows else last
        if not rows:
            return
        connection.executemany(_INSERT, rows)
        if self._database.full_text:
            sql = "INSERT INTO logs_fts (rowid, message) VALUES (?, ?)"
            connection.executemany(sql, ((row[0], row[3]) for row in rows))
        add_to_totals(connection, rows, +1)

    def flushed(self) -> None:
        """Let go of what is committed."""
        with self._lock:
            while self._waiting and self._waiting[0][0] <= self._flushing:
                self._waiting.popleft()
            more = bool(self._waiting)
        if more:
            self._database.soon(self.flush, self.flushed, wait=0)

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
        with suppress(LuaJobsError):  # a full disk: it is tried again; what is kept is read
            last = self._next - 1
            while self._waits_for(last):
                await self._database.write(self.flush, durable=False, committed=self.flushed)
        return await self._database.read(lambda connection: self._page(connection, query))

    def _page(self, connection: sqlite3.Connection, query: LogQuery) -> LogPage:
        tables, conditions, values = _conditions(query, full_text=self._database.full_text)
        where = " AND ".join(conditions) or "1"
        by = "l.seq" if tables == _LINES else "f.rowid"
        order = "DESC" if query.after is None else "ASC"
        rows = connection.execute(
            f"SELECT {_qualified('l')} FROM {tables} WHERE {where}"  # noqa: S608  our names
            f" ORDER BY {by} {order} LIMIT ? OFFSET ?",
            (*values, query.limit, (query.page - 1) * query.limit),
        ).fetchall()
        total = _total(connection, query)
        if total is None:
            if conditions == [_FOUND]:  # the index alone knows
                tables = "logs_fts"
            sql = f"SELECT count(*) FROM {tables} WHERE {where}"  # noqa: S608  our names
            total = connection.execute(sql, values).fetchone()[0]
        if query.context:
            rows = _with_context(connection, rows, query)
        return LogPage(
            logs=[_from_row(row) for row in rows],
            pagination=Pagination.of(page=query.page, limit=query.limit, total=total),
        )


def last_seq(connection: sqlite3.Connection) -> int:
    """Return the highest number ever kept, trimmed or not (0: none)."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'logs'").fetchone()
    return 0 if row is None else int(row[0])


def add_to_totals(connection: sqlite3.Connection, rows: list[Row], sign: int) -> None:
    """Count ``rows`` in (+1), or out (-1), of the totals."""
    counted = Counter((row[5], row[6] or "", row[7] or "", row[2]) for row in rows)
    connection.executemany(_COUNT, [(*group, sign * lines) for group, lines in counted.items()])
    if sign < 0:
        connection.execute("DELETE FROM log_totals WHERE lines <= 0")


def drop(
    connection: sqlite3.Connection,
    where: str,
    values: tuple[Any, ...],
    limit: int,
    *,
    full_text: bool,
) -> int:
    """Delete up to ``limit`` lines of which ``where`` holds; returns how many."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM logs WHERE {where} LIMIT ?",  # noqa: S608  our names
        (*values, limit),
    ).fetchall()
    if not rows:
        return 0
    if full_text:
        connection.executemany(
            "INSERT INTO logs_fts (logs_fts, rowid, message) VALUES ('delete', ?, ?)",
            ((row[0], row[3]) for row in rows),
        )
    connection.executemany("DELETE FROM logs WHERE seq = ?", ((row[0],) for row in rows))
    add_to_totals(connection, rows, -1)
    return len(rows)


def _conditions(query: LogQuery, *, full_text: bool) -> tuple[str, list[str], list[Any]]:
    tables = _LINES
    conditions: list[str] = []
    values: list[Any] = []
    if query.grep is not None and query.grep.strip():
        found = matching_all(query.grep)
        if full_text and found.match is not None:
            # The index gives lines in their own order, so a page stops as soon as it is full.
            tables = "logs_fts f CROSS JOIN logs l ON l.seq = f.rowid"
            conditions.append(_FOUND)
            values.append(found.match)
        for text in found.literals if full_text else query.grep.split():
            conditions.append("instr(lower(l.message), lower(?)) > 0")
            values.append(utf8(text))
    equal = {  # the narrowest first
        "execution_id": query.execution_id,
        "job_id": query.job_id,
        "job_name": query.name,
        "user_id": query.user_id,
        "tool_name": query.tool_name,
        "source": None if query.source == "all" else query.source,
    }
    plain = ""
    for column, value in equal.items():
        if value is not None:
            conditions.append(f"{plain}l.{column} = ?")
            values.append(value)
            plain = "+"  # SQLite then uses no index for it: the first one's is the best
    if query.level is not None and query.level != "debug":
        level = LEVELS.index(query.level)
        if level >= _TROUBLE:
            conditions.append(f"l.level >= {_TROUBLE}")  # in these words: the partial index's own
        if level != _TROUBLE:
            conditions.append(f"l.level >= {level:d}")
    if query.since is not None:
        conditions.append("l.at >= ?")
        values.append(to_micros(query.since))
    if query.after is not None:
        conditions.append("l.seq > ?")
        values.append(query.after)
    return tables, conditions, values


def _total(connection: sqlite3.Connection, query: LogQuery) -> int | None:
    """Return the number of lines where it is kept counted, else None."""
    counted = (query.execution_id, query.user_id, query.tool_name, query.since, query.after)
    if any(value is not None for value in counted) or (query.grep or "").strip():
        return None
    equal = {
        "source": None if query.source == "all" else query.source,
        "job_id": query.job_id,
        "job_name": query.name,
    }
    given = {column: value for column, value in equal.items() if value is not None}
    where = "".join(f" AND {column} = ?" for column in given)
    level = 0 if query.level is None else LEVELS.index(query.level)
    sql = f"SELECT coalesce(sum(lines), 0) FROM log_totals WHERE level >= ?{where}"  # noqa: S608  our names
    return int(connection.execute(sql, (level, *given.values())).fetchone()[0])


def _with_context(connection: sqlite3.Connection, rows: list[Row], query: LogQuery) -> list[Row]:
    found = {row[0]: row for row in rows}
    for row in rows:
        column, value = ("execution_id", row[8]) if row[8] is not None else ("job_id", row[6])
        for side, order in (("<", "DESC"), (">", "ASC")):
            around = connection.execute(
                f"SELECT {_COLUMNS} FROM logs WHERE {column} IS ? AND seq {side} ?"  # noqa: S608  our names
                f" ORDER BY seq {order} LIMIT ?",
                (value, row[0], query.context),
            )
            found.update({line[0]: line for line in around})
    return [found[seq] for seq in sorted(found, reverse=query.after is None)]


def _qualified(table: str) -> str:
    return ", ".join(f"{table}.{column.strip()}" for column in _COLUMNS.split(","))


def _to_row(line: LogLine) -> Row:
    source = line.metadata
    return (
        line.seq,
        to_micros(line.timestamp),
        LEVELS.index(line.sub_type),
        utf8(line.message),
        line.duration,
        utf8(source.log_source),
        utf8(source.primitive_id),
        utf8(source.primitive_name),
        utf8(source.execution_id),
        source.attempt,
        utf8(source.user_id),
        utf8(source.tool_name),
        utf8(source.channel),
    )


def _from_row(row: Row) -> LogLine:
    seq, at, level, message, duration, source, job_id, name, execution_id, attempt = row[:10]
    user_id, tool_name, channel = row[10:]
    return LogLine(
        seq=seq,
        timestamp=from_micros(at),
        sub_type=LEVELS[level],
        message=message,
        duration=duration,
        metadata=LogSource(
            log_source=source,
            primitive_id=job_id,
            primitive_name=name,
            tool_name=tool_name,
            channel=channel,
            user_id=user_id,
            execution_id=execution_id,
            attempt=attempt,
        ),
    )
