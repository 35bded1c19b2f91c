"""Compaction: the snapshot is rewritten so that the journal can begin anew.

It is done in the background when the journal has grown, and at once when it cannot be trusted.

At every moment the snapshot, ``definitions.journal.old`` and ``definitions.journal``
together hold every commit that is on disk, so it does not matter where a process is killed.
"""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from luajobs_kit.errors import WorkspaceGone
from luajobs_kit.store.definitions.commits import Commits
from luajobs_kit.store.definitions.disk import Disk, failure
from luajobs_kit.store.definitions.journal import Journal
from luajobs_kit.store.definitions.journal_format import Tables
from luajobs_kit.store.definitions.snapshot import write_snapshot

SNAPSHOT: Final = "definitions.json"
COMPACT_AT: Final = 1 << 20  # bytes of journal; more where the snapshot is larger than that

_log = logging.getLogger(__name__)


class Compaction:
    """Compacts the journal of ``commits``; does nothing where they have none.

    Its lock (one snapshot at a time) is outside those of ``commits``.
    """

    def __init__(self, commits: Commits, disk: Disk) -> None:
        self._commits = commits
        self._disk = disk
        self._turn = threading.RLock()
        self._snapshot_size = 0
        self._running: Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="luajobs-definitions")

    def opened(self) -> None:
        """Remember the size of the snapshot that was found. Raises ``OSError``."""
        if self._commits.journal is not None:
            snapshot = self._commits.journal.path.with_name(SNAPSHOT)
            if snapshot.exists():
                self._snapshot_size = snapshot.stat().st_size

    def mend(self) -> None:
        """Leave a journal that cannot be trusted for new files (rare; it takes its time).

        Raises ``StorageFull`` or ``WorkspaceError`` where that fails too.
        """
        journal = self._commits.journal
        if journal is None or not journal.broken:
            return
        with self._turn, self._commits.syncing, self._commits.lock:
            if journal.broken:
                try:
                    self.start_afresh(journal)
                except OSError as error:
                    raise failure(error, "The change", journal.path) from error

    def start_afresh(self, journal: Journal) -> None:
        """Write everything into a new snapshot, and begin an empty journal.

        Raises ``OSError``, and ``WorkspaceGone`` when the folder is no longer ours.
        """
        self._claim()
        # The snapshot's number is the last one given out: whatever lines of refused
        # commits the old journal still holds are older than it, and a start skips them.
        number = self._commits.number
        self._write(journal, number, self._commits.as_of(number))
        journal.restart()
        self._commits.durable = number

    def _write(self, journal: Journal, number: int, tables: Tables) -> None:
        path = journal.path.with_name(SNAPSHOT)
        lock = self._commits.workspace_lock
        self._snapshot_size = write_snapshot(
            self._disk, path, tables, number, ready=None if lock is None else lock.confirm
        )

    def _claim(self) -> None:
        if self._commits.workspace_lock is not None:
            self._commits.workspace_lock.claim()

    def compact(self) -> None:
        """Write the snapshot anew and empty the journal; writers go on meanwhile.

        Raises ``OSError``; everything is then still in the journals. Raises
        ``WorkspaceGone`` when the folder is no longer ours.
        """
        commits = self._commits
        journal = commits.journal
        if journal is None or journal.broken:
            return
        with self._turn:
            self._claim()
            commits.busy = True
            try:
                with commits.syncing:
                    number = self._rotate(journal)
                    with commits.lock:
                        tables = commits.as_of(number)
                self._write(journal, number, tables)
                self._disk.remove(journal.old)
            finally:
                commits.busy = False

    def _rotate(self, journal: Journal) -> int:
        """Begin a new journal; return the last commit of the old one, which is on disk then."""
        commits = self._commits
        with commits.lock:
            # One that waits still, after a crash or a full disk, is covered by this snapshot.
            previous = None if journal.old.exists() else journal.rotate()
            number = commits.number
        try:
            if previous is None:
                journal.sync()
            else:
                self._disk.sync(previous)
            self._disk.sync_folder(journal.path.parent)
            commits.confirm()
        except (OSError, WorkspaceGone) as error:
            commits.discard(error)
            raise
        finally:
            if previous is not None:
                os.close(previous)
        commits.durable = max(commits.durable, number)
        return number

    def compact_if_due(self) -> None:
        """Have it done in the background where the journal has grown so far."""
        journal = self._commits.journal
        if journal is None or journal.size < max(COMPACT_AT, self._snapshot_size):
            return
        with self._commits.lock:
            if self._running is None or self._running.done():
                self._running = self._thread.submit(self._compact_quietly)

    def _compact_quietly(self) -> None:
        try:
            self.compact()
        except OSError as error:
            # Nothing is lost: the journals hold it all, and the next commits try again.
            _log.warning("definitions were not compacted: %s", error)
        except WorkspaceGone:
            pass  # the next writer gets the error

    def finish(self) -> None:
        """Wait for one that is under way, compact once more where it pays, and end."""
        journal = self._commits.journal
        if journal is not None and not journal.broken:
            if self._running is not None:
                self._running.result()
            if journal.size * 4 > self._snapshot_size and journal.size:
                self._compact_quietly()
        self._thread.shutdown()
