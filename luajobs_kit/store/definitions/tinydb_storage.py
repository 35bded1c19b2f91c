"""A storage for TinyDB that writes what changed, not everything there is."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from tinydb.storages import Storage

from luajobs_kit.store.definitions.commits import Commits, Pending
from luajobs_kit.store.definitions.compaction import SNAPSHOT, Compaction
from luajobs_kit.store.definitions.disk import Disk, failure
from luajobs_kit.store.definitions.journal import Journal
from luajobs_kit.store.definitions.journal_format import Change, Tables, checked_text, to_text
from luajobs_kit.store.definitions.recovery import recover
from luajobs_kit.store.definitions.snapshot import write_snapshot
from luajobs_kit.store.workspace_lock import WorkspaceLock

JOURNAL: Final = "definitions.journal"


class JournalStorage(Storage):
    """Definitions in ``folder``, or in memory only where it is None.

    ``fsync=False`` leaves the time of writing to the operating system: a crash of the
    process still loses nothing, a loss of power may. Synchronous writers take turns.
    ``held`` is the folder's lock, by which every commit makes sure of the folder.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        fsync: bool = True,
        disk: Disk | None = None,
        held: WorkspaceLock | None = None,
    ) -> None:
        self.findings: list[str] = []
        self.rewritten = False  # whether what was found was damaged
        self.commits = Commits(fsync=fsync, held=held)
        self._disk = disk or Disk()
        self._compaction = Compaction(self.commits, self._disk)
        self._turn = threading.RLock()
        if folder is not None:
            try:
                self._load(folder)
            except OSError as error:
                raise failure(error, "Opening the definitions", folder) from error

    def _load(self, folder: Path) -> None:
        path, snapshot = folder / JOURNAL, folder / SNAPSHOT
        journals = [path.with_name(path.name + ".old"), path]
        if not any(each.exists() for each in (snapshot, *journals)):
            # Before the journal: so a journal without a snapshot is one that has lost it.
            write_snapshot(self._disk, snapshot, {}, 0)
        found = recover(snapshot, journals)
        for torn, size in found.cut.items():
            descriptor = self._disk.open(torn)
            try:
                self._disk.truncate(descriptor, size)
            finally:
                os.close(descriptor)
        self.findings = found.findings
        commits = self.commits
        commits.tables = found.tables
        commits.number = commits.durable = commits.applied = found.commit
        commits.journal = journal = Journal(path, self._disk)
        self.rewritten = found.rewrite
        if found.rewrite:
            self._compaction.start_afresh(journal)
        elif journal.size:
            # A process that was killed may have left lines that nobody synced, and
            # readers are about to see them.
            journal.sync()
        self._compaction.opened()

    @property
    def tables(self) -> Tables:
        """The documents, by table and id, as of the last commit that is on disk."""
        return self.commits.tables

    # Writing

    def append(self, changes: Sequence[Change]) -> Pending:
        """Put a commit in line (see ``Commits.append``), in files that can be trusted."""
        self._compaction.mend()
        pending = self.commits.append(changes)
        self._compaction.compact_if_due()
        return pending

    def commit(self, changes: Sequence[Change]) -> None:
        """Make ``changes`` together or not at all; they are on disk when this returns."""
        self._finish(self.append(changes))

    def change(self, plan: Callable[[], Sequence[Change]]) -> None:
        """Commit what ``plan()`` makes of the state after everything that is in line."""
        commits = self.commits
        with self._turn:
            while True:
                commits.sync()
                commits.settle()
                self._compaction.mend()
                with commits.lock:
                    if not commits.waiting:
                        pending = commits.append(changes) if (changes := plan()) else None
                        break
            if pending is not None:
                self._compaction.compact_if_due()
                self._finish(pending)

    def _finish(self, pending: Pending) -> None:
        self.commits.sync()
        self.commits.settle()
        if pending.error is not None:
            raise pending.error

    def compact(self) -> None:
        """Write the snapshot anew; see ``Compaction.compact``."""
        self._compaction.compact()

    # TinyDB's own verbs

    def read(self) -> Tables | None:
        """Return a copy of everything (TinyDB's verb; our tables do not need it)."""
        with self.commits.lock:
            return json.loads(to_text(self.tables)) if self.tables else None

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Make ``data`` everything there is; tables that stay as they are cost nothing on disk."""

        def plan() -> list[Change]:
            steps = [Change("drop", name) for name in self.tables if name not in data]
            for name, documents in data.items():
                if name in self.tables and to_text(self.tables[name]) == to_text(documents):
                    continue
                steps.append(Change("clear", name))
                steps += [
                    Change("put", name, str(k), checked_text(v, f"document {k} of table {name!r}"))
                    for k, v in documents.items()
                ]
            return steps

        self.change(plan)

    def close(self) -> None:
        """Finish what is in line, compact where it pays, and let go of the files."""
        journal = self.commits.journal
        if journal is not None and not journal.broken:
            self.commits.sync()
            self.commits.settle()
        self._compaction.finish()
        if journal is not None:
            journal.close()
            self.commits.journal = None
