"""Retention: how much history is kept, and dropping the rest in steps nobody notices.

The watermarks of fires, data and products are never dropped, nor is an execution to which
something will still happen.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from luajobs_kit.errors import InvalidInput
from luajobs_kit.store.database.column_values import to_micros
from luajobs_kit.store.database.database import Database, used_bytes
from luajobs_kit.store.history import idempotency, log_rows

PER_JOB: Final = 1000  # executions
MAX_BYTES: Final = 2**30  # of history in the file; data and products come on top
_STEP: Final = 200  # rows a transaction: a claim waits some milliseconds for it at most
_PAGES: Final = 256  # freed pages given back to the file system a step
_MERGED: Final = 64  # pages of the search index merged a step
_ROOM: Final = 0.1  # of the size limit, made when it is reached: merging is not for every line

_LOOSE: Final = (  # lines of no execution that is kept
    "NOT EXISTS (SELECT 1 FROM executions e WHERE e.id = logs.execution_id)"
)
Step = Callable[[sqlite3.Connection], int]


async def trim(
    database: Database,
    *,
    now: datetime,
    per_job: int,
    max_age: timedelta | None,
    max_bytes: int,
) -> int:
    """Drop what is beyond the limits.

    First executions beyond ``per_job`` a job, then what is older than ``max_age`` (None: no
    limit). Where history takes more than ``max_bytes`` then, the oldest of all go until it
    takes about a tenth less.
    An execution goes with its log lines. Returns how many rows were dropped. Others' writes
    go in between the steps. Raises ``InvalidInput``, ``StorageFull`` and ``WorkspaceError``.
    """
    full_text = database.full_text
    if max_age is not None and max_age > now - datetime.min.replace(tzinfo=now.tzinfo):
        raise InvalidInput(f"History of {max_age} would be from before the year 1; use less.")
    dropped = await _exhaust(database, lambda db: idempotency.forget_old(db, now, _STEP))
    for job_id, excess in await database.read(lambda db: _crowded(db, per_job)):
        oldest = "job_id = ? ORDER BY created_at, seq LIMIT ?"
        dropped += await _drop_executions(database, oldest, (job_id, excess))
    if max_age is not None:
        before = to_micros(now - max_age)
        dropped += await _drop_executions(database, "created_at < ?", (before,))
        old = f"at < ? AND {_LOOSE}"
        dropped += await _exhaust(
            database, lambda db: log_rows.drop(db, old, (before,), _STEP, full_text=full_text)
        )
        dropped += await _exhaust(database, lambda db: _drop_messages(db, before))
    if await database.read(used_bytes) > max_bytes:
        max_bytes += await database.read(_entry_bytes)
        dropped += await _shrink(database, max_bytes)
    await _exhaust(database, _give_back)
    return dropped


async def _shrink(database: Database, max_bytes: int) -> int:
    """Drop the oldest until at most ``max_bytes`` are in use."""
    full_text = database.full_text
    dropped = 0
    # What was dropped before still takes room in the search index, so how many are too many
    # is seen after merging it only. Dropping on until the file is small would drop nearly all.
    await _merge(database)
    while (used := await database.read(used_bytes)) > max_bytes:
        rows = await database.read(_rows)
        excess = rows * (1 - max(0, max_bytes) * (1 - _ROOM) / used)
        goal = dropped + max(1, excess)
        while dropped < goal:
            step = await database.write(
                lambda db: _drop_oldest(db, full_text=full_text), durable=False
            )
            if step == 0:
                return dropped
            dropped += step
        await _merge(database)
    return dropped


async def _merge(database: Database) -> None:
    """Give back what the search index holds of dropped lines."""
    if database.full_text:
        await database.write(lambda db: log_rows.merge(db, -_MERGED), durable=False)
        await _exhaust(database, lambda db: log_rows.merge(db, _MERGED))


def _rows(db: sqlite3.Connection) -> int:
    """Return how many rows may be dropped, nearly: unfinished executions count too."""
    sql = (
        "SELECT (SELECT coalesce(sum(lines), 0) FROM log_totals)"
        " + (SELECT count(*) FROM executions) + (SELECT count(*) FROM messages)"
    )
    return int(db.execute(sql).fetchone()[0])


def _entry_bytes(db: sqlite3.Connection) -> int:
    """Return about how many bytes of it are data and products."""
    # An entry takes its data, its text, and about as much again in the search index.
    sql = "SELECT total(length(data) + 2 * length(text)) FROM entries"
    return int(db.execute(sql).fetchone()[0])


async def _exhaust(database: Database, step: Step) -> int:
    dropped = 0
    while count := await database.write(step, durable=False):
        dropped += count
    return dropped


def _crowded(db: sqlite3.Connection, per_job: int) -> list[tuple[str, int]]:
    sql = "SELECT job_id, count(*) - ? FROM executions GROUP BY job_id HAVING count(*) > ?"
    return db.execute(sql, (per_job, per_job)).fetchall()


async def _drop_executions(database: Database, which: str, values: tuple[object, ...]) -> int:
    sql = f"SELECT id FROM executions WHERE finished = 1 AND {which}"  # noqa: S608  our names
    found = await database.read(lambda db: db.execute(sql, values).fetchall())
    dropped = 0
    for (execution_id,) in found:
        step = partial(_drop_execution, execution_id=execution_id, full_text=database.full_text)
        dropped += await _exhaust(database, step)
    return dropped


def _drop_execution(db: sqlite3.Connection, execution_id: str, *, full_text: bool) -> int:
    """Drop a step's worth of its lines; when there are no more, the execution itself."""
    lines = log_rows.drop(db, "execution_id = ?", (execution_id,), _STEP, full_text=full_text)
    if lines == _STEP:
        return lines
    sql = "DELETE FROM executions WHERE id = ? AND finished = 1"
    return lines + db.execute(sql, (execution_id,)).rowcount


def _drop_messages(db: sqlite3.Connection, before: int) -> int:
    return db.execute(
        "DELETE FROM messages WHERE seq IN (SELECT seq FROM messages WHERE created_at < ? LIMIT ?)",
        (before, _STEP),
    ).rowcount


def _drop_oldest(db: sqlite3.Connection, *, full_text: bool) -> int:
    """Drop a step's worth of the oldest: an execution and the lines before it; else messages."""
    oldest = db.execute(
        "SELECT id, created_at FROM executions WHERE finished = 1 ORDER BY created_at, seq LIMIT 1"
    ).fetchone()
    if oldest is not None:
        execution_id, at = oldest
        lines = log_rows.drop(db, f"at < ? AND {_LOOSE}", (at,), _STEP, full_text=full_text)
        return lines or _drop_execution(db, execution_id, full_text=full_text)
    lines = log_rows.drop(db, _LOOSE, (), _STEP, full_text=full_text)
    return lines or _drop_messages(db, sys.maxsize)


def _give_back(db: sqlite3.Connection) -> int:
    """Return some free pages to the file system; returns how many."""
    before = db.execute("PRAGMA freelist_count").fetchone()[0]
    db.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
    return int(before - db.execute("PRAGMA freelist_count").fetchone()[0])
