"""Retention: how much history is kept, and dropping the rest in steps nobody notices.

The watermarks of fires, data and products are never dropped, nor is an execution to which
something will still happen.
"""

from __future__ import annotations

import heapq
import math
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

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
ROW: Final = 200  # bytes about that a row takes beside its text
_LISTED: Final = 10_000  # rows that are looked up at once, to be dropped
_SENDER: Final = "json_extract(document, '$.jobId')"  # of a message: the job that sent it
_EXECUTIONS: Final = f"""
    SELECT created_at, 'execution', id, length(document) + {ROW} + (SELECT
    coalesce(sum(length(message) + {ROW}), 0) FROM logs WHERE execution_id = executions.id)
    FROM executions WHERE job_id IS ? AND finished = 1 ORDER BY created_at, seq
"""  # noqa: S608  our names
_LINES: Final = f"""
    SELECT at, 'line', seq, length(message) + {ROW} FROM logs
    WHERE job_id IS ? AND {_LOOSE} ORDER BY seq
"""  # noqa: S608  our names
_MESSAGES: Final = f"""
    SELECT created_at, 'message', seq, length(document) + {ROW} FROM messages
    WHERE {_SENDER} IS ? ORDER BY created_at, seq
"""  # noqa: S608  our names
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
    limit). Where history takes more than ``max_bytes`` then, the jobs that take the most lose
    their oldest, executions, lines and messages alike, until it takes about a tenth less: one
    that writes much pushes out its own history, not others'. What belongs to no job goes once it
    is older than every execution.
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
        dropped += await _shrink(database, max_bytes)
    await _exhaust(database, _give_back)
    return dropped


async def _shrink(database: Database, max_bytes: int) -> int:
    """Drop until history takes at most ``max_bytes``: of those jobs that take the most, the oldest."""
    dropped = 0
    entries = await database.read(_entry_bytes)
    # What was dropped before still takes room in the search index, so how much is too much
    # is seen after merging it only. Dropping on until the file is small would drop nearly all.
    await _merge(database)
    while (used := await database.read(used_bytes) - entries) > max_bytes:
        sizes = await database.read(_size_by_job)
        most = sum(sizes.values()) * max_bytes * (1 - _ROOM) / used
        step = 0
        for job_id, size in _beyond_share(sizes, most).items():
            step += await _drop_oldest(database, job_id, size)
        if (oldest := await database.read(_oldest_execution)) is not None:
            step += await _drop_oldest(database, None, before=oldest)
        if step == 0:
            return dropped
        dropped += step
        await _merge(database)
    return dropped


def _beyond_share(sizes: dict[str | None, int], most: float) -> dict[str | None, float]:
    """Return how much each of the largest is to lose, so that all take ``most`` together.

    Whoever takes less than an equal share leaves the rest of it to the others: those alone lose
    something, down to one and the same size.
    """
    share = 0.0
    for count, size in enumerate(sorted(sizes.values())):
        share = most / (len(sizes) - count)
        if size > share:
            break
        most -= size
    return {job_id: size - share for job_id, size in sizes.items() if size > share}


async def _merge(database: Database) -> None:
    """Give back what the search index holds of dropped lines."""
    if database.full_text:
        await database.write(lambda db: log_rows.merge(db, -_MERGED), durable=False)
        await _exhaust(database, lambda db: log_rows.merge(db, _MERGED))


def _size_by_job(db: sqlite3.Connection) -> dict[str | None, int]:
    """Return about how many bytes the history of each job takes; None: of what belongs to no job."""
    sql = (
        "SELECT job_id, sum(size) FROM ("  # noqa: S608  our names
        f"SELECT job_id, {_size('document')} AS size FROM executions UNION ALL "
        f"SELECT job_id, {_size('message')} FROM logs UNION ALL "
        f"SELECT {_SENDER}, {_size('document')} FROM messages) GROUP BY job_id"
    )
    return dict(db.execute(sql).fetchall())


def _size(column: str) -> str:
    return f"length({column}) + {ROW}"


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


def _oldest_execution(db: sqlite3.Connection) -> int | None:
    at: int | None = db.execute("SELECT min(created_at) FROM executions").fetchone()[0]
    return at


async def _drop_oldest(
    database: Database, job_id: str | None, size: float = math.inf, *, before: float = math.inf
) -> int:
    """Drop the oldest of a job, executions with their lines, other lines and messages alike.

    Stops once they took ``size`` bytes, or where they are not from ``before`` that time.
    """
    dropped = 0
    while size > 0:
        oldest = await database.read(partial(_oldest, job_id=job_id, size=size, before=before))
        if not oldest:
            break
        for kind, drop in _DROPS.items():
            keys = [each.key for each in oldest if each.kind == kind]
            for start in range(0, len(keys), _STEP):
                step = partial(drop, keys[start : start + _STEP], full_text=database.full_text)
                dropped += await _exhaust(database, step)
        size -= sum(each.size for each in oldest)
    return dropped


class _Item(NamedTuple):
    """Something that is kept: when it was, what, under which key, and about how many bytes of it."""

    at: int
    kind: str
    key: str | int
    size: int


def _oldest(db: sqlite3.Connection, job_id: str | None, size: float, before: float) -> list[_Item]:
    """Return what ``_drop_oldest`` is to drop, or the first ``_LISTED`` of it."""
    found: list[_Item] = []
    # Each is read as far as it is needed, in an index's order.
    for row in heapq.merge(
        *(db.execute(sql, (job_id,)) for sql in (_EXECUTIONS, _LINES, _MESSAGES))
    ):
        item = _Item(*row)
        if item.at >= before:
            break
        found.append(item)
        size -= item.size
        if size <= 0 or len(found) == _LISTED:
            break
    return found


def _drop_executions_of(
    keys: Sequence[str | int], db: sqlite3.Connection, *, full_text: bool
) -> int:
    """Drop a step's worth of what the first of the executions has that is still here."""
    for key in keys:
        if dropped := _drop_execution(db, str(key), full_text=full_text):
            return dropped
    return 0


def _drop_lines(keys: Sequence[str | int], db: sqlite3.Connection, *, full_text: bool) -> int:
    which = f"seq IN ({', '.join('?' * len(keys))})"
    return log_rows.drop(db, which, tuple(keys), _STEP, full_text=full_text)


def _drop_messages_of(
    keys: Sequence[str | int],
    db: sqlite3.Connection,
    *,
    full_text: bool,  # noqa: ARG001 - as the others
) -> int:
    which = f"seq IN ({', '.join('?' * len(keys))})"
    return db.execute(f"DELETE FROM messages WHERE {which}", tuple(keys)).rowcount  # noqa: S608  marks


_DROPS: Final = {
    "execution": _drop_executions_of,
    "line": _drop_lines,
    "message": _drop_messages_of,
}


def _give_back(db: sqlite3.Connection) -> int:
    """Return some free pages to the file system; returns how many."""
    before = db.execute("PRAGMA freelist_count").fetchone()[0]
    db.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
    return int(before - db.execute("PRAGMA freelist_count").fetchone()[0])
