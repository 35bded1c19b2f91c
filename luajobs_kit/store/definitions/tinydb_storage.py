"""A storage for TinyDB that writes what changed, not everything there is."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Final

from tinydb import TinyDB
from tinydb.queries import QueryLike
from tinydb.storages import Storage
from tinydb.table import Document, Table

from luajobs_kit.store.definitions.commits import Commits, Pending
from luajobs_kit.store.definitions.compaction import SNAPSHOT, Compaction
from luajobs_kit.store.definitions.disk import Disk, failure
from luajobs_kit.store.definitions.journal import Journal
from luajobs_kit.store.definitions.journal_format import (
    Change,
    JSONDict,
    Tables,
    checked_text,
    to_text,
)
from luajobs_kit.store.definitions.recovery import recover
from luajobs_kit.store.definitions.snapshot import write_snapshot
from luajobs_kit.store.workspace_lock import WorkspaceLock

JOURNAL: Final = "definitions.journal"


class JournalStorage(Storage):
    """Definitions in ``folder``, or in memory only where it is None.

    ``fsync=False`` leaves the time of writing to the operating system: a crash of the
    process still loses nothing, a loss of power may. Synchronous writers take turns.
    ``lock`` is the folder's: every commit makes sure by it that the folder is still ours.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        fsync: bool = True,
        disk: Disk | None = None,
        lock: WorkspaceLock | None = None,
    ) -> None:
        self.findings: list[str] = []
        self.rewritten = False  # whether what was found was damaged
        self.commits = Commits(fsync=fsync, workspace_lock=lock)
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
        lock = self.commits.workspace_lock
        found = recover(snapshot, journals, lock.before if lock else None)
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
        commits.acknowledge()
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


_CONTAINERS: Final = (dict, list)


def copied(value: Any) -> Any:
    """Return a deep copy of a JSON value."""
    # Most items are no containers: asking before the call halves what a document takes.
    if isinstance(value, dict):
        return {
            key: copied(item) if isinstance(item, _CONTAINERS) else item
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [copied(item) if isinstance(item, _CONTAINERS) else item for item in value]
    return value


class TableDraft(MutableMapping[int, JSONDict]):
    """A table as an updater changes it; the table itself stays as it is."""

    def __init__(self, table: Mapping[str, JSONDict]) -> None:
        self._table = table
        self._touched: dict[str, JSONDict] = {}
        self._removed: dict[str, None] = {}  # in order
        self._cleared = False

    def __getitem__(self, doc_id: int) -> JSONDict:
        key = str(doc_id)
        if key not in self._touched:
            if not self._kept(key):
                raise KeyError(doc_id)
            self._touched[key] = copied(self._table[key])
        return self._touched[key]

    def __setitem__(self, doc_id: int, document: JSONDict) -> None:
        self._touched[str(doc_id)] = document

    def __delitem__(self, doc_id: int) -> None:
        key = str(doc_id)
        if doc_id not in self:
            raise KeyError(doc_id)
        self._touched.pop(key, None)
        if self._kept(key):
            self._removed[key] = None

    def __contains__(self, doc_id: object) -> bool:
        key = str(doc_id)
        return key in self._touched or self._kept(key)

    def __iter__(self) -> Iterator[int]:
        for key in self._table:
            if self._kept(key):
                yield int(key)
        for key in self._touched:
            if not self._kept(key):
                yield int(key)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self) -> None:
        self._touched.clear()
        self._removed.clear()
        self._cleared = True

    def _kept(self, key: str) -> bool:
        return not self._cleared and key in self._table and key not in self._removed

    def changes(self, name: str) -> list[Change]:
        """Return what was done, as steps of a commit; a document read but not changed is none."""
        steps = [Change("clear", name)] if self._cleared else []
        steps += [Change("remove", name, key) for key in self._removed]
        for key, document in self._touched.items():
            text = checked_text(document, f"document {key} of table {name!r}")
            if not (self._kept(key) and text == to_text(self._table[key])):
                steps.append(Change("put", name, key, text))
        return steps


class JournalTable(Table):
    """A TinyDB table on a ``JournalStorage``.

    Documents it returns are copies: changing one changes nothing until it is written.
    """

    _storage: JournalStorage
    _cached_at = -1

    def search(self, cond: QueryLike) -> list[Document]:
        if self._cached_at != self._storage.commits.applied:
            self.clear_cache()  # something was committed past this table object
            self._cached_at = self._storage.commits.applied
        return [_detached(document) for document in super().search(cond)]

    def get(self, *args: Any, **kwargs: Any) -> Any:
        found = super().get(*args, **kwargs)
        if isinstance(found, list):
            return [_detached(document) for document in found]
        return None if found is None else _detached(found)

    def __iter__(self) -> Iterator[Document]:
        for document in super().__iter__():
            yield _detached(document)

    def update(
        self,
        fields: Mapping[str, Any] | Callable[[MutableMapping[str, Any]], None],
        cond: QueryLike | None = None,
        doc_ids: Iterable[int] | None = None,
    ) -> list[int]:
        return super().update(fields, doc_ids=self._matching(cond) if doc_ids is None else doc_ids)

    def remove(
        self, cond: QueryLike | None = None, doc_ids: Iterable[int] | None = None
    ) -> list[int]:
        if doc_ids is None and cond is not None:
            doc_ids = self._matching(cond)
        return super().remove(doc_ids=doc_ids)

    def _matching(self, cond: QueryLike | None) -> list[int]:
        """Return the ids of what ``cond`` matches, read without copying."""
        table = self._read_table()
        return [int(key) for key, document in table.items() if cond is None or cond(document)]

    def _read_table(self) -> dict[str, JSONDict]:  # type: ignore[override] # plain dicts are mappings
        return self._storage.tables.get(self.name, {})

    def _update_table(self, updater: Callable[[dict[int, Mapping[str, Any]]], None]) -> None:
        def plan() -> list[Change]:
            draft = TableDraft(self._read_table())
            updater(draft)  # type: ignore[arg-type] # a mapping that acts as the dict TinyDB hands out
            steps = draft.changes(self.name)
            if self.name not in self._storage.tables and ("clear", self.name) not in [
                step[:2] for step in steps[:1]
            ]:
                steps.insert(0, Change("clear", self.name))  # a table exists from its first write
            return steps

        self._storage.change(plan)
        self.clear_cache()


def _detached(document: Document) -> Document:
    return Document(copied(dict(document)), document.doc_id)


class JournalDatabase(TinyDB):
    """TinyDB with ``JournalTable`` for its tables."""

    table_class = JournalTable
    _storage: JournalStorage

    def tables(self) -> set[str]:
        return set(self._storage.tables)
