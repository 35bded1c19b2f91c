"""One SQLite database: a writer thread that commits in batches, and readers beside it.

Everything that grows is kept here. All writing happens on one thread on one connection,
so nothing ever waits for a lock, and callers that wait at the same time share one
transaction and one sync. Reading happens on connections of its own (WAL mode: a reader
never waits for the writer, nor the writer for a reader).
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from luajobs_kit.disk_room import OUT_OF_ROOM, make_room, obstacle
from luajobs_kit.errors import Conflict, LuaJobsError, StorageFull, WorkspaceError
from luajobs_kit.store.database import opening
from luajobs_kit.store.database.column_values import is_damage
from luajobs_kit.store.database.schema import VERSION
from luajobs_kit.store.workspace_lock import WorkspaceLock

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

_LINGER: Final = 0.02  # seconds that work which can wait is collected before it is committed
_RETRY: Final = 1.0  # seconds until work that can wait is tried again after it failed
_BATCH: Final = 256  # callers that share one transaction at most
_CHECKPOINT_EVERY: Final = 128  # commits, some 4 MB of log
_READERS: Final = 2  # so that a long search does not hold up a look-up


# Among the idempotency keys, and never too old: a row of its own needs no other format.
_COUNT: Final = (
    "INSERT INTO keys (kind, key, made_at, answer) VALUES ('store', 'transactions', 9000000000000000000, ?)"
    " ON CONFLICT (kind, key) DO UPDATE SET answer = excluded.answer"
)


@dataclass(slots=True)
class _Item:
    work: Work[Any]
    durable: bool
    committed: Callable[[], None] | None
    loop: asyncio.AbstractEventLoop | None = None
    future: asyncio.Future[Any] | None = None
    due: float = 0.0  # monotonic; only of work that can wait
    result: Any = None
    error: Exception | None = None

    def settle(self) -> None:
        if self.future is None or self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Database:
    """The workspace's ``history.db``, or a private one in memory."""

    def __init__(
        self, path: Path | None, opened: opening.Opened, lock: WorkspaceLock | None = None
    ) -> None:
        self.path = path
        self._lock = lock  # the folder's
        self.findings: list[str] = opened.findings
        self.full_text: bool = opened.full_text
        """Whether this SQLite has FTS5; without it searches look at every line."""
        self.connection = opened.connection
        """The writer's own: for its thread, and for who holds the database before any other."""
        self.unwritten: str | None = None
        """Why the last transaction could not be written, in words, until one is."""
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._writing = threading.Lock()  # in memory, who writes does so in its own thread
        self._closed = False
        self._local = threading.local()
        self._reading: list[sqlite3.Connection] = []
        self._readers = ThreadPoolExecutor(_READERS, "luajobs-history-read") if path else None
        # Beside the writer: a checkpoint takes tens of milliseconds, and a claim would wait.
        self._checkpoints = ThreadPoolExecutor(1, "luajobs-history-checkpoint") if path else None
        self.transactions = _counted(opened.connection) if path else 0
        """How many transactions were synced, as the database itself has it."""
        self._commits = 0  # since the last checkpoint was asked for
        self._writer = threading.Thread(target=self._run, name="luajobs-history", daemon=True)
        self._writer.start()

    @classmethod
    async def open(cls, path: Path | None, lock: WorkspaceLock | None = None) -> Self:
        """Open the file (made when missing), or with None a database in memory.

        ``lock`` is the folder's: every transaction makes sure by it that the folder is still
        ours. A damaged file is set aside, and what can be read of it is taken over;
        ``findings`` says so. Raises ``WorkspaceError`` when the file was written by a newer kit (it is
        not touched) or cannot be opened, and ``StorageFull``.
        """
        try:
            return cls(path, await asyncio.to_thread(opening.open_database, path), lock)
        except (sqlite3.Error, OSError) as error:
            raise storage_error(error, path) from error

    async def write(
        self,
        work: Work[T],
        *,
        durable: bool = True,
        committed: Callable[[], None] | None = None,
    ) -> T:
        """Run ``work(connection)`` in a transaction; returns its result once committed.

        ``durable``: synced to the disk too, so it survives a power cut (sharing the sync
        with whoever waits at the same time). ``work`` may be run again after a rollback,
        so it changes nothing but the database; ``committed`` runs after the commit, on the
        writer's thread. What ``work`` raises, this raises, and nothing is changed.
        Raises ``StorageFull`` when the disk has no room; trying again is safe. Raises
        ``WorkspaceGone`` when another folder or none stands at the path.
        """
        self.refuse_closed()
        if self.path is None:
            # No disk to wait for: handing it to the writer's thread costs more than the work.
            item = _Item(work, durable, committed)
            self._commit([item])
            if item.error is not None:
                raise item.error
            written: T = item.result
            return written
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Item(work, durable, committed, loop, future))
        return await future

    def soon(self, work: Work[None], committed: Callable[[], None], wait: float = _LINGER) -> None:
        """Have ``work`` committed after ``wait`` seconds; it is tried again as long as it fails."""
        self._queue.put(_Item(work, False, committed, due=time.monotonic() + wait))

    async def try_writing(self) -> None:
        """Write a page, and change nothing. Raises what ``write`` does."""
        await self.write(lambda db: db.execute(f"PRAGMA user_version = {VERSION}"))
        self.unwritten = None

    async def read(self, work: Work[T]) -> T:
        """Run ``work(connection)`` on a reader; it sees everything committed before."""
        if self._readers is None:  # a database in memory has one connection only
            return await self.write(work, durable=False)
        self.refuse_closed()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._readers, self._read, work)
        except sqlite3.Error as error:
            raise storage_error(error, self.path) from error

    async def aclose(self) -> None:
        """Commit what waits, and close. Calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._readers is not None:
            await asyncio.to_thread(self._readers.shutdown)
            for connection in self._reading:
                connection.close()
        self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        if self._checkpoints is not None:
            await asyncio.to_thread(self._checkpoints.shutdown)

    def refuse_closed(self) -> None:
        """Raise ``WorkspaceError`` once ``aclose`` was called, or the folder is gone."""
        if self._lock is not None:
            self._lock.refuse_gone()
        if self._closed:
            raise WorkspaceError("The history is closed; open the workspace again.")

    def _read(self, work: Work[T]) -> T:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            assert self.path is not None
            if self._lock is not None:
                self._lock.confirm()  # it is opened by its path
            connection = self._local.connection = opening.open_reader(self.path)
            self._reading.append(connection)
        return work(connection)

    def _run(self) -> None:
        waiting: list[_Item] = []  # work that can wait, in order
        stopping = False
        while not stopping:
            batch: list[_Item] = []
            try:
                timeout = max(0.0, waiting[0].due - time.monotonic()) if waiting else None
                item = self._queue.get(timeout=timeout)
                while True:
                    if item is None:
                        stopping = True
                    elif item.future is None:
                        waiting.append(item)
                    else:
                        batch.append(item)
                    if len(batch) >= _BATCH or stopping:
                        break
                    item = self._queue.get_nowait()
            except queue.Empty:
                pass
            if batch:
                self._commit(batch)
                _settle(batch)
            if waiting and (stopping or waiting[0].due <= time.monotonic()):
                self._commit(waiting)
                waiting = [item for item in waiting if item.error is not None]
                for item in waiting:
                    item.due, item.error = time.monotonic() + _RETRY, None
        self._finish()
        if self._lock is not None and self._lock.gone:
            opening.abandon(self.connection)
        else:
            opening.close(self.connection)

    def _finish(self) -> None:
        """Commit what came while closing, which may ask for more to be committed."""
        while not self._queue.empty():
            item = self._queue.get()
            if item is not None:
                self._commit([item])
                _settle([item])

    def _commit(self, batch: list[_Item]) -> None:
        """Run the batch in one transaction; if anything fails, each item in its own."""
        try:
            self._transact(batch)
        except Exception as error:  # noqa: BLE001  whatever it is, it belongs to who asked for it
            if len(batch) == 1:
                if isinstance(error, sqlite3.Error):
                    error = storage_error(error, self.path)
                if isinstance(error, WorkspaceError):
                    self.unwritten = error.message
                batch[0].error = error
                return
            for item in batch:
                self._commit([item])

    def _transact(self, batch: list[_Item]) -> None:
        connection = self.connection
        durable = any(item.durable for item in batch)
        with self._writing:
            self._claim()
            # In WAL mode NORMAL survives the process's death, FULL a power cut as well.
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            before = connection.total_changes
            try:
                for item in batch:
                    item.result = item.work(connection)
                count = self.transactions + 1
                if durable and self._lock is not None:
                    connection.execute(_COUNT, (str(count),))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # after a full disk SQLite may have done so itself
                    connection.execute("ROLLBACK")
                raise
            if self._lock is not None:
                self._lock.confirm()
                if durable:
                    self.transactions = count
                    self._lock.acknowledge(transactions=count)
            if connection.total_changes > before:
                self.unwritten = None
            for item in batch:
                if item.committed is not None:
                    item.committed()
        self._commits += 1
        if self._commits >= _CHECKPOINT_EVERY and self._checkpoints is not None:
            self._commits = 0
            self._checkpoints.submit(self._checkpoint)

    def _claim(self) -> None:
        if self._lock is not None:
            try:
                self._lock.claim()
            except OSError as error:
                raise storage_error(error, self.path) from error

    def _checkpoint(self) -> None:
        assert self.path is not None
        # Where it fails, the writer makes one itself when the log has grown.
        with suppress(sqlite3.Error, OSError, WorkspaceError):
            self._claim()
            opening.checkpoint(self.path)


def _counted(connection: sqlite3.Connection) -> int:
    sql = "SELECT answer FROM keys WHERE kind = 'store' AND key = 'transactions'"
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row and str(row[0]).isdecimal() else 0


def _settle(batch: list[_Item]) -> None:
    """Answer whoever waits, each in its own loop, one wake-up a loop."""
    for loop in {item.loop for item in batch if item.loop is not None}:
        with suppress(RuntimeError):  # that loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_answer, [item for item in batch if item.loop is loop])


def _answer(items: list[_Item]) -> None:
    for item in items:
        item.settle()


def used_bytes(db: sqlite3.Connection) -> int:
    """Return how many bytes of the file are in use."""
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    free = db.execute("PRAGMA freelist_count").fetchone()[0]
    return int((pages - free) * db.execute("PRAGMA page_size").fetchone()[0])


def storage_error(error: Exception, path: Path | None) -> LuaJobsError:
    """Return SQLite's error in the kit's terms: what happened, where, what to do."""
    where = path or "the database in memory"
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict(f"This is kept already in {where} ({error}). Use another id.")
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    told = error if isinstance(error, OSError) else None
    if code == sqlite3.SQLITE_IOERR and path is not None:
        told = obstacle(path)
    if code == sqlite3.SQLITE_FULL or (told is not None and told.errno in OUT_OF_ROOM):
        why, number = (f" ({told.strerror})", told.errno) if told else ("", None)
        advice = make_room(number)
        return StorageFull(f"No room to write {where}{why}. {advice[0].upper()}{advice[1:]}.")
    if is_damage(error):
        if path is not None:
            opening.mark_suspect(path)
        return WorkspaceError(
            f"{where} is damaged ({error}). Restart the engine: it sets the file aside and keeps"
            " what can be read; `luajobs doctor` then says what was lost."
        )
    denied = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
    if code in denied or isinstance(error, OSError):
        return WorkspaceError(f"{where} cannot be written ({error}). Check its owner and mode.")
    return WorkspaceError(f"{where} could not be used: {error}.")
