"""Everything kept under one workspace folder."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from luajobs_kit.clock import Clock
from luajobs_kit.errors import WorkspaceError
from luajobs_kit.ids import Ids
from luajobs_kit.store.database.database import Database
from luajobs_kit.store.definitions.compaction import SNAPSHOT
from luajobs_kit.store.definitions.definitions import Definitions
from luajobs_kit.store.definitions.tinydb_storage import JOURNAL
from luajobs_kit.store.entries.entries import Entries
from luajobs_kit.store.history.history import History
from luajobs_kit.store.workspace_folder import prepare, unusable
from luajobs_kit.store.workspace_lock import WorkspaceLock

HISTORY: Final = "history.db"
DAMAGE_LOG: Final = "damage.log"
_LONGEST: Final = (
    500  # lines of the damage log; the first say most, later ones may follow from them
)
_LASTING: Final = ("lost", "damaged")  # findings with one of these words are logged


class Store:
    """The definitions, the history and the entries of one workspace, and its lock.

    ``findings`` says in words what opening it had to repair, and what is found out later;
    empty when all was well. Losses of earlier starts are among them until ``damage.log`` is
    deleted.
    """

    def __init__(
        self,
        definitions: Definitions,
        database: Database,
        history: History,
        entries: Entries,
        ends: AsyncExitStack,
        *,
        lock: WorkspaceLock | None,
    ) -> None:
        self.definitions = definitions
        self.database = database
        """Where history and entries are kept."""
        self.history = history
        self.entries = entries
        self.findings = definitions.findings  # the list itself: reading adds to it
        self.lock = lock
        """The folder's, held by this store; None in memory."""
        self._ends = ends

    @classmethod
    async def open(cls, folder: Path | None, *, clock: Clock, ids: Ids) -> Self:
        """Open (or make) the store in ``folder`` and own it; None: in memory, nothing is kept.

        Raises ``WorkspaceLocked`` when another process owns it, and ``WorkspaceError``
        when the folder cannot be used or is of a newer kit.
        """
        async with AsyncExitStack() as ends:
            lock: WorkspaceLock | None = None
            if folder is not None:
                await asyncio.to_thread(prepare, folder)
                lock = WorkspaceLock.take(folder, clock.now())
                ends.callback(lock.release)
            database = None if folder is None else folder / HISTORY
            try:
                lost = _lost_definitions(folder)
                definitions = await asyncio.to_thread(Definitions, folder, lock=lock)
                ends.push_async_callback(definitions.aclose)
                lost += _lost_history(database, definitions)
                shared = await Database.open(database, lock)
                ends.push_async_callback(shared.aclose)
                lost += _cut_history(shared, lock, lost)
            except OSError as error:
                raise (
                    WorkspaceError(str(error)) if folder is None else unusable(folder, error)
                ) from error
            entries = Entries(shared, clock, ids)
            store = cls(definitions, shared, History(shared), entries, ends.pop_all(), lock=lock)
            store.findings += [*lost, *shared.findings]
            if folder is not None:
                store.findings += _log_damage(folder, store.findings, clock.now())
            return store

    async def is_gone(self) -> bool:
        """Tell whether the folder was removed, moved away or replaced: nothing is kept any more."""
        if self.lock is None:
            return False
        with suppress(WorkspaceError):
            await asyncio.to_thread(self.confirm)
        return self.lock.gone

    @property
    def unwritten(self) -> str | None:
        """Why the last write failed, in words, until one succeeds."""
        return self.database.unwritten or self.definitions.unwritten

    async def try_writing(self) -> str | None:
        """Write a little into each file, changing nothing; return why that fails, None where it does not."""
        for part in (self.database, self.definitions):
            try:
                await part.try_writing()
            except WorkspaceError as error:
                return error.message
        return None

    def confirm(self) -> None:
        """Look whether the folder is still ours, and its journal. Raises ``WorkspaceGone``.

        Blocks, for the time between two looks where the first one finds it is not.
        """
        if self.lock is not None:
            self.lock.confirm()
            self.definitions.confirm()

    def refuse_gone(self) -> None:
        """Raise ``WorkspaceGone`` when the folder was found to be gone."""
        if self.lock is not None:
            self.lock.refuse_gone()

    async def aclose(self) -> None:
        """Bring everything to the disk, then let go of the folder.

        Where the folder is gone nothing more is written.
        """
        await self.is_gone()  # each part asks whether it was
        await self._ends.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _lost_definitions(folder: Path | None) -> list[str]:
    if folder is None or not (folder / HISTORY).exists():
        return []
    if any((folder / name).exists() for name in (SNAPSHOT, JOURNAL, f"{JOURNAL}.old")):
        return []
    return [
        (
            f"lost: {SNAPSHOT} and {JOURNAL} are missing from {folder}, though {HISTORY} is there; all "
            "jobs, versions, users and settings are gone with them"
        )
    ]


def _lost_history(database: Path | None, definitions: Definitions) -> list[str]:
    jobs = len(definitions.rows("jobs"))
    if database is None or database.exists() or not jobs:
        return []
    return [
        (
            f"lost: {database} is missing, though there are {jobs} jobs. What was run, logged and sent, "
            "data and products are gone with it; a new file was made."
        )
    ]


def _cut_history(database: Database, lock: WorkspaceLock | None, told: list[str]) -> list[str]:
    """Return what a sound database lacks of what was acknowledged, where nothing else tells of it."""
    if lock is None or database.path is None:
        return []
    missing = lock.before.missing_history(database.transactions, database.path)
    lock.acknowledge(transactions=database.transactions)
    known = any(str(database.path) in each for each in [*told, *database.findings])
    return [] if missing is None or known else [missing]


def _log_damage(folder: Path, findings: list[str], now: datetime) -> list[str]:
    """Add this start's losses to the damage log in ``folder``; return those of earlier starts.

    Findings that lose nothing (a write that was cut short, a migration) are not logged.
    """
    path = folder / DAMAGE_LOG
    earlier: list[str] = []
    with suppress(OSError):
        earlier = path.read_text("utf-8", "replace").splitlines()
    logged = {line.partition(": ")[2] for line in earlier}
    present = [" ".join(each.split()) for each in findings]  # one line each
    fresh = [each for each in present if any(word in each for word in _LASTING)]
    fresh = [each for each in fresh if each not in logged][: max(0, _LONGEST - len(earlier))]
    if fresh:
        time = now.isoformat(timespec="seconds")
        text = "".join(f"{time}: {each}\n" for each in fresh)
        with suppress(OSError):  # a full disk: only this start's findings say it
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
    again = [line for line in earlier if line.partition(": ")[2] not in present]
    return [f"at an earlier start, {line} (told until {DAMAGE_LOG} is deleted)" for line in again]
