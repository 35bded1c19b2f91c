"""A storage for TinyDB that writes what changed, not everything there is.

Readers see ``tables``: the documents in memory, as of the last commit that is on disk.
A commit is appended to the journal at once and waits in ``_pending`` until a sync
covers it, alone or together with others; then it is applied, in order. A document in
``tables`` is never changed in place, only replaced: a shallow copy is a snapshot.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tinydb.storages import Storage

from luajobs_kit.errors import LuaJobsError
from luajobs_kit.store.changes import (
    Change,
    JSONDict,
    Tables,
    apply_change,
    encode_commit,
    from_text,
    to_text,
)
from luajobs_kit.store.disk import Disk, failure
from luajobs_kit.store.journal import Journal
from luajobs_kit.store.recovery import Recovered, recover
from luajobs_kit.store.snapshot import write_snapshot

SNAPSHOT: Final = "definitions.json"
JOURNAL: Final = "definitions.journal"
COMPACT_AT: Final = 1 << 20  # bytes of journal; more where the snapshot is larger than that

OnChange = Callable[[str, str, JSONDict | None, JSONDict | None], None]
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Pending:
    """A commit on its way to the disk; ``done`` with or without an ``error``."""

    number: int
    steps: list[tuple[Change, JSONDict]]
    done: bool = False
    error: LuaJobsError | None = None


class JournalStorage(Storage):
    """Definitions in ``folder``, or in memory only where it is None.

    ``fsync=False`` leaves the time of writing to the operating system: a crash of the
    process still loses nothing, a loss of power may. ``on_change(table, id, old, new)``
    is called for every document a commit changed, before readers see the next commit.

    Locks, outermost first: ``_turn`` (synchronous writers, one at a time), ``_compacting``
    (one snapshot at a time), ``_syncing`` (one fsync or change of journals at a time),
    ``_lock`` (the state; held only briefly).
    """

    def __init__(
        self, folder: Path | None = None, *, fsync: bool = True, disk: Disk | None = None
    ) -> None:
        self.tables: Tables = {}
        self.findings: list[str] = []
        self.on_change: OnChange | None = None
        self.on_discard: Callable[[], None] | None = None
        self.applied = 0
        self._number = self._durable = 0
        self._pending: deque[Pending] = deque()
        self._turn, self._syncing = threading.RLock(), threading.RLock()
        self._compacting, self._lock = threading.RLock(), threading.RLock()
        self._fsync = fsync
        self._disk = disk or Disk()
        self._folder = folder
        self._snapshot_size = 0
        self._compaction: Future[None] | None = None
        self._journal: Journal | None = None
        self._compactor = ThreadPoolExecutor(1, thread_name_prefix="luajobs-definitions")
        if folder is not None:
            self._load(folder)

    def _load(self, folder: Path) -> None:
        snapshot, journal = folder / SNAPSHOT, folder / JOURNAL
        try:
            found = recover(snapshot, [journal.with_name(journal.name + ".old"), journal])
            self._take(found)
            self._journal = Journal(journal, self._disk)
            if found.rewrite:
                self._start_afresh(self._journal)
            elif self._journal.size:
                # A process that was killed may have left lines that nobody synced, and
                # readers are about to see them.
                self._journal.sync()
            if snapshot.exists():
                self._snapshot_size = snapshot.stat().st_size
        except OSError as error:
            raise failure(error, "Opening the definitions", folder) from error

    def _take(self, found: Recovered) -> None:
        for path, size in found.cut.items():
            descriptor = self._disk.open(path)
            try:
                self._disk.truncate(descriptor, size)
            finally:
                os.close(descriptor)
        self.tables, self.findings = found.tables, found.findings
        self._number = self._durable = self.applied = found.commit

    # Writing

    def append(self, changes: Sequence[Change]) -> Pending:
        """Put a commit in line, after every earlier one; ``sync`` and ``settle`` finish it.

        Raises ``StorageFull`` or ``WorkspaceError`` when it cannot be written; nothing
        has changed then.
        """
        self._mend()
        return self._append(changes)

    def _append(self, changes: Sequence[Change]) -> Pending:
        steps = [(change, from_text(change.text) if change.text else {}) for change in changes]
        with self._lock:
            number = self._number + 1
            if self._journal is not None:
                try:
                    self._journal.append(encode_commit(number, changes))
                except OSError as error:
                    raise failure(error, "The change", self._journal.path) from error
            self._number = number
            pending = Pending(number, steps)
            self._pending.append(pending)
            if self._journal is None or not self._fsync:
                self._durable = number
                self.settle()
        self._compact_if_due()
        return pending

    def sync(self, wait: bool = True) -> bool:  # noqa: FBT001, FBT002 - as a lock's acquire()
        """Bring every commit appended so far to the disk; failures are told in each ``Pending``.

        Without ``wait`` nothing is done while another thread is at it; returns whether it was.
        """
        if not self._syncing.acquire(wait):
            return False
        try:
            with self._lock:
                target = self._number
                if self._journal is None or target == self._durable:
                    return True
            try:
                self._journal.sync()
            except OSError as error:
                self._discard(error)
            else:
                self._durable = target
        finally:
            self._syncing.release()
        return True

    def settle(self) -> None:
        """Apply, in order, what is on the disk: now readers see it."""
        with self._lock:
            while self._pending and self._pending[0].number <= self._durable:
                pending = self._pending.popleft()
                for change, document in pending.steps:
                    for id_, old, new in apply_change(self.tables, change, document):
                        if self.on_change is not None:
                            self.on_change(change.table, id_, old, new)
                self.applied = pending.number
                pending.done = True

    def commit(self, changes: Sequence[Change]) -> None:
        """Make ``changes`` together or not at all; they are on disk when this returns."""
        pending = self.append(changes)
        self.sync()
        self.settle()
        if pending.error is not None:
            raise pending.error

    def change(self, plan: Callable[[], Sequence[Change]]) -> None:
        """Commit what ``plan()`` makes of the state after everything that is in line."""
        with self._turn:
            while True:
                self.sync()
                self.settle()
                self._mend()
                with self._lock:
                    if not self._pending:
                        pending = self._append(changes) if (changes := plan()) else None
                        break
            if pending is not None:
                self.sync()
                self.settle()
                if pending.error is not None:
                    raise pending.error

    # Files

    def _discard(self, error: OSError) -> None:
        assert self._journal is not None
        with self._lock:
            self._journal.drop_unsynced()
            self.settle()
            for pending in self._pending:
                pending.error = failure(error, "The change", self._journal.path)
                pending.done = True
            self._pending.clear()
            self._durable = self._number
            if self.on_discard is not None:
                self.on_discard()

    def _mend(self) -> None:
        """Leave a journal that cannot be trusted for new files (rare; it takes its time)."""
        journal = self._journal
        if journal is None or not journal.broken:
            return
        with self._compacting, self._syncing, self._lock:
            if journal.broken:
                try:
                    self._start_afresh(journal)
                except OSError as error:
                    raise failure(error, "The change", journal.path) from error

    def _start_afresh(self, journal: Journal) -> None:
        # The snapshot's number is the last one given out: whatever lines of refused
        # commits the old journal still holds are older than it, and a start skips them.
        path = journal.path.with_name(SNAPSHOT)
        tables = self._as_of(self._number)
        self._snapshot_size = write_snapshot(self._disk, path, tables, self._number)
        journal.restart()
        self._durable = self._number

    def compact(self) -> None:
        """Write the snapshot anew and empty the journal; writers go on meanwhile.

        Raises ``OSError``; everything is then still in the journals.
        """
        journal = self._journal
        if journal is None or journal.broken:
            return
        with self._compacting:
            with self._syncing:
                number = self._rotate(journal)
                with self._lock:
                    tables = self._as_of(number)
            path = journal.path.with_name(SNAPSHOT)
            size = write_snapshot(self._disk, path, tables, number)
            with self._syncing:
                self._snapshot_size = size
                self._disk.remove(journal.old)

    def _rotate(self, journal: Journal) -> int:
        """Begin a new journal; return the last commit of the old one, which is on disk then."""
        with self._lock:
            # One that waits still, after a crash or a full disk, is covered by this snapshot.
            previous = None if journal.old.exists() else journal.rotate()
            number = self._number
        try:
            if previous is None:
                journal.sync()
            else:
                self._disk.sync(previous)
            self._disk.sync_folder(journal.path.parent)
        except OSError as error:
            self._discard(error)
            raise
        finally:
            if previous is not None:
                os.close(previous)
        self._durable = max(self._durable, number)
        return number

    def _as_of(self, number: int) -> Tables:
        """Return a copy of the tables, with what waits to be applied up to ``number``."""
        tables = {name: dict(documents) for name, documents in self.tables.items()}
        for pending in self._pending:
            if pending.number <= number:
                for change, document in pending.steps:
                    apply_change(tables, change, document)
        return tables

    def _compact_if_due(self) -> None:
        journal = self._journal
        if journal is None or journal.size < max(COMPACT_AT, self._snapshot_size):
            return
        with self._lock:
            if self._compaction is None or self._compaction.done():
                self._compaction = self._compactor.submit(self._compact_quietly)

    def _compact_quietly(self) -> None:
        try:
            self.compact()
        except OSError as error:
            # Nothing is lost: the journals hold it all, and the next commits try again.
            _log.warning("definitions were not compacted: %s", error)

    # TinyDB's own verbs

    def read(self) -> Tables | None:
        """Return a copy of everything (TinyDB's verb; our tables do not need it)."""
        with self._lock:
            return json.loads(to_text(self.tables)) if self.tables else None

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Make ``data`` everything there is; tables that stay as they are cost nothing on disk."""

        def plan() -> list[Change]:
            steps = [Change("drop", name) for name in self.tables if name not in data]
            for name, documents in data.items():
                if name in self.tables and to_text(self.tables[name]) == to_text(documents):
                    continue
                steps.append(Change("clear", name))
                steps += [Change("put", name, str(k), to_text(v)) for k, v in documents.items()]
            return steps

        self.change(plan)

    def close(self) -> None:
        """Finish what is in line, compact where it pays, and let go of the files."""
        if self._journal is not None and not self._journal.broken:
            self.sync()
            self.settle()
            if self._compaction is not None:
                self._compaction.result()
            if self._journal.size * 4 > self._snapshot_size and self._journal.size:
                self._compact_quietly()
        self._compactor.shutdown()
        if self._journal is not None:
            self._journal.close()
            self._journal = None
