"""TinyDB on a journal: the same verbs, at the price of what they change.

TinyDB's own ``Table`` copies a whole table for every write. This one hands the updater
a ``Draft`` that copies a document when it is touched and remembers what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Final

from tinydb import TinyDB
from tinydb.queries import QueryLike
from tinydb.table import Document, Table

from luajobs_kit.store.definitions.journal_format import Change, JSONDict, checked_text, to_text
from luajobs_kit.store.definitions.tinydb_storage import JournalStorage

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


class Draft(MutableMapping[int, JSONDict]):
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
            draft = Draft(self._read_table())
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


class Database(TinyDB):
    """TinyDB with ``JournalTable`` for its tables."""

    table_class = JournalTable
    _storage: JournalStorage

    def tables(self) -> set[str]:
        return set(self._storage.tables)
