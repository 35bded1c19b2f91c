"""History: fires, executions with their attempts, log lines and messages."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import map_texts
from luajobs_kit.model import (
    Document,
    Execution,
    ExecutionPage,
    ExecutionStatus,
    LogLine,
    LogPage,
    LogQuery,
    Message,
)
from luajobs_kit.store.database.column_values import read_document, to_micros, utf8
from luajobs_kit.store.database.database import Database
from luajobs_kit.store.history import fires, idempotency, retention
from luajobs_kit.store.history.fires import FireState
from luajobs_kit.store.history.logs import Logs
from luajobs_kit.store.listing import MOST_LISTED, read_while_fitting, too_large

_CLAIM: Final = 1_000  # bytes about that a new execution takes
_NEWEST: Final = "ORDER BY created_at DESC, seq DESC"
# From job to job by the index, so that a million executions of ten jobs cost ten look-ups.
_LAST_OF_EACH: Final = f"""
WITH RECURSIVE jobs (id) AS (
    SELECT min(job_id) FROM executions
    UNION ALL
    SELECT (SELECT min(job_id) FROM executions WHERE job_id > jobs.id) FROM jobs
    WHERE jobs.id IS NOT NULL
)
SELECT (SELECT document FROM executions WHERE job_id = jobs.id {_NEWEST} LIMIT 1)
FROM jobs WHERE jobs.id IS NOT NULL
"""  # noqa: S608  our names


class History:
    """Everything that happened in a workspace, newest first.

    A method that writes returns when what it wrote would survive a power cut; log lines
    follow within 50 ms and survive the death of the process from then on. All of them raise
    ``StorageFull`` when the disk has no room (nothing is changed then), and
    ``WorkspaceError`` when the file cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._logs = Logs(database)
        self._grown = 0  # bytes about, since that was last told
        self._growth: Callable[[], float] = lambda: math.inf
        self._on_grown: Callable[[], None] = lambda: None

    @classmethod
    async def open(cls, path: Path | None) -> Self:
        """Open a history alone in its file (None: in memory). See ``Database.open``."""
        return cls(await Database.open(path))

    @property
    def findings(self) -> list[str]:
        """What opening the file had to do, in words."""
        return self._database.findings

    async def aclose(self) -> None:
        """Commit what waits, and close the file."""
        await self._database.aclose()

    # Fires

    async def fire(self, job_id: str) -> FireState | None:
        return (await self._database.read(lambda db: fires.load(db, job_id))).get(job_id)

    async def fires(self) -> dict[str, FireState]:
        """Return the fire state of every job that has one, by job id."""
        return await self._database.read(fires.load)

    async def set_fire(self, state: FireState) -> None:
        await self._database.write(lambda db: fires.save(db, state))

    async def advance_fire(self, state: FireState) -> None:
        """Keep how far the job's fires are dealt with, and nothing else of the same arming."""
        await self._database.write(lambda db: fires.advance(db, state))

    async def forget_job(self, job_id: str) -> None:
        """Drop the fire state of a job that was deleted for good; its history stays."""
        await self._database.write(lambda db: fires.forget(db, job_id))

    # Executions

    async def claim(
        self,
        execution: Execution,
        fire: FireState | None,
        key: str | None = None,
        *,
        durable: bool = True,
    ) -> Execution:
        """Keep a new execution, the watermark that covers its fire, and the key, as one.

        When ``key`` was used in the 24 hours before, nothing is changed, and the execution
        made with it first is returned as it now is; ``Conflict`` is raised when that was another
        job's. Without ``durable`` it survives the death
        of the process at once, and a power cut only with whatever is synced next.
        """

        def work(db: sqlite3.Connection) -> Execution | None:
            answer = idempotency.answer(db, "claim", key, execution.created_at)
            if answer is not None:
                first = read_document(Execution, answer)
                idempotency.refuse_other(first.job_id, execution.job_id, "job")
                return _execution(db, first.id) or first
            document = to_text(execution)
            save_execution(db, execution, document)
            if fire is not None:
                fires.advance(db, fire)
            idempotency.keep(db, "claim", key, execution.created_at, document)
            return None

        kept = await self._database.write(work, durable=durable)
        self._grow(_CLAIM)
        return kept or execution

    async def record(self, execution: Execution, fire: FireState | None = None) -> None:
        """Keep an execution as it now is, with its attempts, and the fire state, as one.

        Log lines written just before are committed with it, so that an outcome has its log.
        """

        def work(db: sqlite3.Connection) -> int:
            self._logs.flush(db)
            document = to_text(execution)
            save_execution(db, execution, document)
            if fire is not None:
                fires.save(db, fire)
            return len(document)

        self._grow(await self._database.write(work, committed=self._logs.flushed))

    async def execution(self, execution_id: str) -> Execution | None:
        return await self._database.read(lambda db: _execution(db, execution_id))

    async def executions(
        self,
        *,
        job_id: str | None = None,
        status: ExecutionStatus | None = None,
        user_id: str | None = None,
        limit: int = 50,
        offset: int = 0,
        most: int = MOST_LISTED,
    ) -> ExecutionPage:
        """Return executions, newest first, and how many there are in all.

        Where those asked for take more than ``most`` characters, the page has as many as fit,
        and its ``limit`` says so. Raises ``InvalidInput`` when ``limit`` is under 1 or ``offset``
        under 0, or either is 2**63 or more.
        """
        if not (1 <= limit < 2**63 and 0 <= offset < 2**63):
            raise InvalidInput(
                f"Executions need a limit of 1 or more and an offset of 0 or more, under 2**63;"
                f" got limit={limit}, offset={offset}."
            )
        asked = {"job_id": job_id, "status": status, "user_id": user_id}
        given = {column: value for column, value in asked.items() if value is not None}
        where = " AND ".join(f"{column} = ?" for column in given) or "1"
        values = tuple(given.values())

        def work(db: sqlite3.Connection) -> ExecutionPage:
            rows = db.execute(
                f"SELECT document FROM executions WHERE {where} {_NEWEST} LIMIT ? OFFSET ?",  # noqa: S608  our names
                (*values, limit, offset),
            )
            found, all_fit = read_while_fitting(Execution, rows, most)
            sql = f"SELECT count(*) FROM executions WHERE {where}"  # noqa: S608  our names
            total = db.execute(sql, values).fetchone()[0]
            fits = limit if all_fit else len(found)
            return ExecutionPage(executions=found, total=total, limit=fits, offset=offset)

        return await self._database.read(work)

    async def fire_times(self, job_id: str) -> set[datetime]:
        """Return every time for which there is a run of the job in the history."""
        sql = "SELECT json_extract(document, '$.fireTime') FROM executions WHERE job_id = ?"

        def work(db: sqlite3.Connection) -> set[datetime]:
            return {datetime.fromisoformat(time) for (time,) in db.execute(sql, (job_id,)) if time}

        return await self._database.read(work)

    async def unfinished(self) -> list[Execution]:
        """Return every execution to which something will still happen, oldest first."""
        sql = "SELECT document FROM executions WHERE finished = 0 ORDER BY seq"
        return await self._database.read(lambda db: _executions(db, sql))

    async def last_executions(self) -> dict[str, Execution]:
        """Return the newest execution of every job that has one, by job id."""
        found = await self._database.read(lambda db: _executions(db, _LAST_OF_EACH))
        return {execution.job_id: execution for execution in found}

    # Log lines

    def write_log(self, line: LogLine) -> LogLine:
        """Return the line with its number. See ``Logs.write``."""
        self._grow(len(line.message) + retention.ROW)
        return self._logs.write(line)

    async def logs(self, query: LogQuery) -> LogPage:
        """Return the lines that ``query`` asks for. See ``Logs.page``."""
        return await self._logs.page(query)

    # Messages

    async def add_message(self, message: Message, key: str | None = None) -> Message:
        """Keep a message in its user's inbox; with a key of the last 24 hours, only once.

        Raises ``Conflict`` when the key was another message's.
        """
        document = to_text(message)

        def work(db: sqlite3.Connection) -> Message | None:
            answer = idempotency.answer(db, "message", key, message.created_at)
            if answer is not None:
                first = read_document(Message, answer)
                kept, asked = (first.user_id, first.content), (message.user_id, message.content)
                idempotency.refuse_other(kept, asked, "message")
                return first
            insert_message(db, message, document)
            idempotency.keep(db, "message", key, message.created_at, document)
            return None

        kept = await self._database.write(work)
        self._grow(len(document))
        return kept or message

    async def messages(
        self,
        user_id: str | None = None,
        limit: int = 50,
        *,
        most: int = MOST_LISTED,
        cut: bool = False,
    ) -> list[Message]:
        """Return the newest messages first, of one user or of all.

        Raises ``InvalidInput`` where they take more than ``most`` characters; with ``cut``, as
        many are returned as fit. Also when ``limit`` is under 1, or 2**63 or more.
        """
        if not 1 <= limit < 2**63:
            raise InvalidInput(f"Messages need a limit of 1 or more, under 2**63; got {limit}.")
        where = "1" if user_id is None else "user_id = ?"
        values = () if user_id is None else (user_id,)
        sql = f"SELECT document FROM messages WHERE {where} {_NEWEST} LIMIT ?"  # noqa: S608  our names

        def work(db: sqlite3.Connection) -> list[Message]:
            found, all_fit = read_while_fitting(Message, db.execute(sql, (*values, limit)), most)
            if not (all_fit or cut):
                raise InvalidInput(too_large(len(found), most))
            return found

        return await self._database.read(work)

    # Retention

    def when_grown(self, growth: Callable[[], float], call: Callable[[], None]) -> None:
        """Have ``call()`` told each time history was written about ``growth()`` bytes more."""
        self._growth, self._on_grown = growth, call

    def _grow(self, size: int) -> None:
        self._grown += size
        if self._grown >= self._growth():
            self._grown = 0
            self._on_grown()

    async def trim(
        self,
        *,
        now: datetime,
        per_job: int = retention.PER_JOB,
        max_age: timedelta | None = None,
        max_bytes: int = retention.MAX_BYTES,
    ) -> int:
        """Drop what is beyond the limits, in small steps. See ``retention.trim``."""
        return await retention.trim(
            self._database, now=now, per_job=per_job, max_age=max_age, max_bytes=max_bytes
        )


def to_text(document: Document) -> str:
    """Return a document as the JSON that is kept."""
    try:
        return document.model_dump_json(by_alias=True)
    except ValueError:  # a lone surrogate somewhere in a job's own values
        return json.dumps(map_texts(document.model_dump(by_alias=True), utf8), default=_instant)


def _instant(value: datetime) -> str:
    return value.isoformat()


def insert_message(db: sqlite3.Connection, message: Message, document: str) -> None:
    """Keep a message whose JSON is ``document``."""
    at = to_micros(message.created_at)
    db.execute(
        "INSERT INTO messages (id, user_id, created_at, document) VALUES (?, ?, ?, ?)",
        (message.id, message.user_id, at, document),
    )


def save_execution(db: sqlite3.Connection, execution: Execution, document: str) -> None:
    """Keep an execution whose JSON is ``document``, in place of what was kept of it."""
    db.execute(
        "INSERT INTO executions (id, job_id, user_id, status, finished, created_at, document)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET status = excluded.status,"
        " finished = excluded.finished, document = excluded.document",
        (
            execution.id,
            execution.job_id,
            execution.user_id,
            execution.status,
            execution.finished,
            to_micros(execution.created_at),
            document,
        ),
    )


def _execution(db: sqlite3.Connection, execution_id: str) -> Execution | None:
    row = db.execute("SELECT document FROM executions WHERE id = ?", (execution_id,)).fetchone()
    return None if row is None else read_document(Execution, row[0])


def _executions(db: sqlite3.Connection, sql: str) -> list[Execution]:
    return [read_document(Execution, row[0]) for row in db.execute(sql)]
