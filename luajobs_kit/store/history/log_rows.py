"""Log lines as rows: keeping them, counting them, dropping them."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import suppress
from itertools import chain
from typing import Any, Final

from luajobs_kit.model import LogLine, LogSource
from luajobs_kit.store.database.column_values import from_micros, to_micros, utf8

Row = tuple[Any, ...]
LEVELS: Final = ("debug", "info", "warn", "error")
COLUMNS: Final = (
    "seq, at, level, message, duration, source, job_id, job_name, execution_id, attempt,"
    " user_id, tool_name, channel"
)
_MARKS: Final = "(" + ", ".join("?" * len(COLUMNS.split(","))) + ")"
# Rows a statement, so that the interpreter's lock is taken and given once for many of them:
# twice as fast beside a busy event loop. 76 rows keep within 999 parameters.
_INSERTS: Final = {
    rows: f"INSERT INTO logs ({COLUMNS}) VALUES {', '.join([_MARKS] * rows)}"  # noqa: S608  our names
    for rows in (76, 8, 1)
}
_COUNT: Final = (
    "INSERT INTO log_totals (source, job_id, job_name, level, lines) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET lines = lines + excluded.lines"
)


def last_seq(connection: sqlite3.Connection) -> int:
    """Return the highest number ever kept, trimmed or not (0: none)."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'logs'").fetchone()
    return 0 if row is None else int(row[0])


def first_number(connection: sqlite3.Connection, spare: int) -> int:
    """Return the first number that a process may give: above all that any before it may have given.

    A process gives at most ``spare`` numbers beyond the last that is kept.
    """
    sql = "SELECT seq FROM sqlite_sequence WHERE name = 'logs_given'"
    row = connection.execute(sql).fetchone()
    given = 0 if row is None else int(row[0])
    if last := last_seq(connection):
        given = max(given, last + spare)
    # Kept too, in SQLite's own table of such numbers: this process may die before it keeps a line.
    with suppress(sqlite3.Error):  # no room: then only the lines themselves tell
        sql = "UPDATE sqlite_sequence SET seq = ? WHERE name = 'logs_given'"
        if row is None:
            sql = "INSERT INTO sqlite_sequence (seq, name) VALUES (?, 'logs_given')"
        connection.execute(sql, (given + spare,))
    return given + 1


def insert(connection: sqlite3.Connection, rows: list[Row], *, full_text: bool) -> None:
    """Keep ``rows``, one at least, in order; in the search index and the totals too."""
    start = 0
    for size, sql in _INSERTS.items():
        while len(rows) - start >= size:
            connection.execute(sql, list(chain.from_iterable(rows[start : start + size])))
            start += size
    if full_text:
        connection.execute(
            "INSERT INTO logs_fts (rowid, message)"
            " SELECT seq, message FROM logs WHERE seq BETWEEN ? AND ? ORDER BY seq",
            (rows[0][0], rows[-1][0]),
        )
    _add_to_totals(connection, rows, +1)


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
        f"SELECT {COLUMNS} FROM logs WHERE {where} LIMIT ?",  # noqa: S608  our names
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
    _add_to_totals(connection, rows, -1)
    return len(rows)


def merge(connection: sqlite3.Connection, pages: int) -> int:
    """Merge the search index, about that many pages; 0 when there is no more to do.

    Lines that are dropped are only marked there as gone, which takes more room, until this
    gives it back. ``-pages`` begins: everything is to be merged into one. ``pages`` goes on.
    """
    before = connection.total_changes
    connection.execute("INSERT INTO logs_fts (logs_fts, rank) VALUES ('merge', ?)", (pages,))
    done = connection.total_changes - before
    return done if done > 1 else 0  # FTS5 counts the asking as one


def to_row(line: LogLine) -> Row:
    """Return the row that keeps ``line``."""
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


def from_row(row: Row) -> LogLine:
    """Return the line that ``row`` keeps."""
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


def _add_to_totals(connection: sqlite3.Connection, rows: list[Row], sign: int) -> None:
    """Count ``rows`` in (+1), or out (-1), of the totals."""
    counted = Counter((row[5], row[6] or "", row[7] or "", row[2]) for row in rows)
    connection.executemany(_COUNT, [(*group, sign * lines) for group, lines in counted.items()])
    if sign < 0:
        connection.execute("DELETE FROM log_totals WHERE lines <= 0")
