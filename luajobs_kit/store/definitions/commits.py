"""Commits on their way to the disk, and the documents as of the last one that is there.

Readers see ``tables``. A commit is appended to the journal at once and waits until a sync
covers it, alone or together with others; then it is applied, in order. A document in
``tables`` is never changed in place, only replaced: a shallow copy is a snapshot.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from luajobs_kit.errors import LuaJobsError, WorkspaceError, WorkspaceGone
from luajobs_kit.store.definitions.disk import failure
from luajobs_kit.store.definitions.journal import Journal
from luajobs_kit.store.definitions.journal_format import (
    Change,
    JSONDict,
    Tables,
    apply_change,
    encode_commit,
    from_text,
)
from luajobs_kit.store.workspace_lock import WorkspaceLock

OnChange = Callable[[str, str, JSONDict | None, JSONDict | None], None]


@dataclass(slots=True, eq=False)
class Pending:
    """A commit on its way to the disk; ``done`` with or without an ``error``."""

    number: int
    steps: list[tuple[Change, JSONDict]]
    done: bool = False
    error: LuaJobsError | None = None


class Commits:
    """The state of the definitions, and the line of what will change it.

    ``on_change(table, id, old, new)`` is called for every document a commit changed, before
    readers see the next commit; ``on_discard()`` when commits that waited were given up.

    Locks: ``syncing`` (one fsync or change of journals at a time), and inside it ``lock``
    (the state; held only briefly).
    """

    def __init__(self, *, fsync: bool, workspace_lock: WorkspaceLock | None = None) -> None:
        self.tables: Tables = {}
        self.workspace_lock = workspace_lock  # where somebody has taken it
        self.journal: Journal | None = None  # none: in memory only
        self.on_change: OnChange | None = None
        self.on_discard: Callable[[], None] | None = None
        self.number = self.durable = self.applied = 0  # last given out, on disk, seen by readers
        self.syncing, self.lock = threading.RLock(), threading.RLock()
        self.unwritten: str | None = None  # why the last commit was not kept, until one is
        self.busy = False  # whether a snapshot is being written, which makes syncs slow
        self._pending: deque[Pending] = deque()
        self._fsync = fsync

    def append(self, changes: Sequence[Change]) -> Pending:
        """Put a commit in line, after every earlier one; ``sync`` and ``settle`` finish it.

        Raises ``StorageFull`` or ``WorkspaceError`` when it cannot be written, and
        ``WorkspaceGone`` when the folder is no longer ours; nothing has changed then.
        """
        steps = [(change, from_text(change.text) if change.text else {}) for change in changes]
        with self.lock:
            number = self.number + 1
            if self.journal is not None:
                try:
                    if self.workspace_lock is not None:
                        self.workspace_lock.claim()
                    self.journal.append(encode_commit(number, changes))
                    if not self._fsync:
                        self.confirm()
                except OSError as error:
                    raise self._failed(error, self.journal) from error
            elif self.workspace_lock is not None:
                self.workspace_lock.claim()  # the journal is closed: it says why
            self.number = number
            pending = Pending(number, steps)
            self._pending.append(pending)
            if self.journal is None or not self._fsync:
                self.durable = number
                self.unwritten = None
                self.settle()
        return pending

    @property
    def waiting(self) -> bool:
        """Whether there are commits that readers do not see yet."""
        return bool(self._pending)

    def sync(self, wait: bool = True) -> bool:  # noqa: FBT001, FBT002 - as a lock's acquire()
        """Bring every commit appended so far to the disk; failures are in each ``Pending``.

        Without ``wait`` nothing is done where it would take long: while another thread is at
        it, or writes a snapshot. Returns whether it was done.
        """
        if (self.busy and not wait) or not self.syncing.acquire(wait):
            return False
        try:
            with self.lock:
                target = self.number
                if self.journal is None or target == self.durable:
                    return True
            try:
                self.journal.sync()
                self.confirm()
            except (OSError, WorkspaceGone) as error:
                self.discard(error)
            else:
                self.durable = target
                self.unwritten = None
                self.acknowledge()
        finally:
            self.syncing.release()
        return True

    def settle(self) -> None:
        """Apply, in order, what is on the disk: now readers see it."""
        with self.lock:
            while self._pending and self._pending[0].number <= self.durable:
                pending = self._pending.popleft()
                for change, document in pending.steps:
                    for id_, old, new in apply_change(self.tables, change, document):
                        if self.on_change is not None:
                            self.on_change(change.table, id_, old, new)
                self.applied = pending.number
                pending.done = True

    def acknowledge(self) -> None:
        """Write down, for the next start, what is on the disk."""
        if self.workspace_lock is not None and self.journal is not None:
            size, checksum = self.journal.synced
            self.workspace_lock.acknowledge(commit=self.durable, size=size, checksum=checksum)

    def confirm(self) -> None:
        """Make sure that what was written is in the folder at the path: only then it is kept.

        Raises ``WorkspaceGone``.
        """
        if self.workspace_lock is None or self.journal is None:
            return
        with self.lock:
            # What the journal at the path has grown by was written here: nothing else is to ask.
            if not self.journal.stands:
                self.workspace_lock.confirm()
            if not self.journal.stands:
                self.workspace_lock.refuse_other(f"{self.journal.path.name} there is another file")

    def discard(self, error: OSError | WorkspaceGone) -> None:
        """Give up every commit that no sync has covered, each with the reason."""
        assert self.journal is not None
        with self.lock:
            if not isinstance(error, WorkspaceGone):  # else the file may be somebody else's
                self.journal.drop_unsynced()
            self.settle()
            for pending in self._pending:
                pending.error = (
                    self._failed(error, self.journal) if isinstance(error, OSError) else error
                )
                pending.done = True
            self._pending.clear()
            self.durable = self.number
            if self.on_discard is not None:
                self.on_discard()

    def _failed(self, error: OSError, journal: Journal) -> WorkspaceError:
        failed = failure(error, "The change", journal.path)
        self.unwritten = failed.message
        return failed

    def as_of(self, number: int) -> Tables:
        """Return a copy of the tables, with what waits to be applied up to ``number``."""
        tables = {name: dict(documents) for name, documents in self.tables.items()}
        for pending in self._pending:
            if pending.number <= number:
                for change, document in pending.steps:
                    apply_change(tables, change, document)
        return tables
