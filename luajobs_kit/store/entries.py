"""Data collections and products: JSON objects by id, by filter and by words."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from luajobs_kit.clock import Clock
from luajobs_kit.errors import InvalidInput, NotFound
from luajobs_kit.ids import Ids
from luajobs_kit.model import Entry, EntryPage, Pagination
from luajobs_kit.store import keys, search
from luajobs_kit.store.entry_rules import accepted, valid_collection, valid_data
from luajobs_kit.store.filters import compile_filter
from luajobs_kit.store.sqlite import Database
from luajobs_kit.store.times import from_micros, to_micros
from luajobs_kit.store.words import utf8

PRODUCTS: Final = "$products"
"""The collection that holds the products; no name a user gives begins with a dollar sign."""
THRESHOLD: Final = 0.6  # Lua's default

_MOST: Final = 2**63 - 1  # what SQLite can count
_COLUMNS: Final = "id, collection, data, search_text, created_at, updated_at"
Row = tuple[str, str, str, str | None, int, int]


class Entries:
    """The entries of every collection of a workspace. What writes returns once it is synced."""

    def __init__(self, database: Database, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids

    @classmethod
    async def open(cls, path: Path | None, *, clock: Clock, ids: Ids) -> Self:
        """Open the entries alone in their file (None: in memory). See ``Database.open``."""
        return cls(await Database.open(path), clock, ids)

    async def aclose(self) -> None:
        """Commit what waits, and close the file."""
        await self._database.aclose()

    async def collections(self) -> list[str]:
        """Return the names of the collections that hold something, products aside, in order."""
        sql = "SELECT DISTINCT collection FROM entries WHERE collection <> ? ORDER BY collection"
        return await self._database.read(
            lambda db: [row[0] for row in db.execute(sql, (PRODUCTS,))]
        )

    async def everything(self) -> list[Entry]:
        """Return every entry of every collection, products too, in the order they were made."""
        return await self._database.read(lambda db: list(all_entries(db)))

    async def restore(self, entries: Sequence[Entry]) -> int:
        """Add entries as they are, with their ids and times, but for those here; return how many.

        All or none. Raises ``InvalidInput``.
        """
        valid = [accepted(entry) for entry in entries]

        def work(db: sqlite3.Connection) -> int:
            count = 0
            for entry in valid:
                if _row(db, entry.collection, entry.id) is None:
                    self._insert(db, entry)
                    count += 1
            return count

        return await self._database.write(work)

    async def create(
        self,
        collection: str,
        data: Mapping[str, Any],
        search_text: str | None = None,
        key: str | None = None,
    ) -> Entry:
        """Add an object; with a key used in the last 24 hours, return what was made then.

        Without ``search_text`` a search looks at all of the data's text. Half a surrogate pair,
        which is no text, becomes a question mark. Raises ``InvalidInput``, and ``Conflict`` for a
        key that was used for another object.
        """
        now = self._clock.now()
        prefix = "prod" if collection == PRODUCTS else "entry"
        entry = Entry(
            id=self._ids.new(prefix),
            collection=valid_collection(collection),
            data=valid_data(data),
            search_text=utf8(search_text),
            created_at=now,
            updated_at=now,
        )

        def work(db: sqlite3.Connection) -> Entry | None:
            answer = keys.answer(db, "entry", key, now)
            if answer is not None:
                first = json.loads(answer)
                keys.refuse_other(
                    (first["collection"], first["data"]),
                    (collection, entry.to_json()["data"]),
                    "entry",
                )
                row = _row(db, first["collection"], first["id"])
                return Entry.model_validate(first) if row is None else _entry(row)
            self._insert(db, entry)
            if key is not None:
                keys.keep(db, "entry", key, now, json.dumps(entry.to_json()))
            return None

        return await self._database.write(work) or entry

    async def get(self, collection: str, entry_id: str) -> Entry:
        """Return one entry. Raises ``NotFound``."""
        row = await self._database.read(lambda db: _row(db, collection, entry_id))
        return _entry(_found(row, collection, entry_id))

    async def page(
        self,
        collection: str,
        *,
        filter: Mapping[str, Any] | None = None,
        page: int = 1,
        limit: int = 10,
    ) -> EntryPage:
        """Return a page of those that satisfy ``filter``, in the order they were made.

        Raises ``InvalidInput``. The filter's words are in ``filters.compile_filter``.
        """
        if page < 1 or limit < 1:
            raise InvalidInput(f"page and limit count from 1; got page={page}, limit={limit}.")
        if page * limit > _MOST:
            raise InvalidInput(f"No collection has so many entries: page={page}, limit={limit}.")
        holds = compile_filter(filter)
        start = (page - 1) * limit

        def work(db: sqlite3.Connection) -> EntryPage:
            sql = f"SELECT {_COLUMNS} FROM entries WHERE collection = ? ORDER BY seq"  # noqa: S608  our names
            if not filter:
                rows = db.execute(f"{sql} LIMIT ? OFFSET ?", (collection, limit, start)).fetchall()
                count = "SELECT count(*) FROM entries WHERE collection = ?"
                total = db.execute(count, (collection,)).fetchone()[0]
            else:
                rows, total = [], 0
                for row in db.execute(sql, (collection,)):
                    if holds(json.loads(row[2])):
                        if start <= total < start + limit:
                            rows.append(row)
                        total += 1
            return EntryPage(
                data=[_entry(row) for row in rows],
                pagination=Pagination.of(page=page, limit=limit, total=total),
            )

        return await self._database.read(work)

    async def replace(
        self,
        collection: str,
        entry_id: str,
        data: Mapping[str, Any],
        search_text: str | None = None,
    ) -> Entry:
        """Put ``data`` in place of an entry's data; without ``search_text``, the old one stays.

        Raises ``NotFound`` and ``InvalidInput``.
        """
        given = valid_data(data)
        return await self._change(collection, entry_id, lambda _: given, search_text)

    async def merge(
        self,
        collection: str,
        entry_id: str,
        data: Mapping[str, Any],
        search_text: str | None = None,
    ) -> Entry:
        """Set these fields of an entry's data; the others stay. Raises as ``replace`` does."""
        given = valid_data(data)
        return await self._change(collection, entry_id, lambda old: old | given, search_text)

    async def delete(self, collection: str, entry_id: str) -> None:
        """Remove an entry. Raises ``NotFound``."""

        def work(db: sqlite3.Connection) -> None:
            self._remove(db, _found(_row(db, collection, entry_id), collection, entry_id))

        await self._database.write(work)

    async def search(
        self, collection: str, text: str, limit: int = 10, threshold: float = THRESHOLD
    ) -> list[Entry]:
        """Return the entries whose ``score`` is at least ``threshold``, the best first.

        Any text is a query; what the score means is in ``search``. Raises ``InvalidInput``.
        """
        if limit < 1 or not 0 <= threshold <= 1:
            raise InvalidInput(
                f"A search needs a limit of 1 or more and a threshold from 0 to 1; got"
                f" limit={limit}, threshold={threshold}."
            )
        full_text = self._database.full_text
        sql = f"SELECT {_COLUMNS} FROM entries WHERE seq = ?"  # noqa: S608  our names

        def work(db: sqlite3.Connection) -> list[Entry]:
            found = search.find(db, collection, text, threshold, full_text=full_text)[:limit]
            return [
                _entry(db.execute(sql, (seq,)).fetchone()).evolve(score=score)
                for seq, score in found
            ]

        return await self._database.read(work)

    async def _change(
        self,
        collection: str,
        entry_id: str,
        change: Any,
        search_text: str | None,
    ) -> Entry:
        now = self._clock.now()

        def work(db: sqlite3.Connection) -> Entry:
            row = _found(_row(db, collection, entry_id), collection, entry_id)
            old = _entry(row)
            new = old.evolve(
                data=change(old.data),
                search_text=old.search_text if search_text is None else utf8(search_text),
                updated_at=max(now, old.created_at),
            )
            seq = self._remove(db, row)
            self._insert(db, new, seq)
            return new

        return await self._database.write(work)

    def _insert(self, db: sqlite3.Connection, entry: Entry, seq: int | None = None) -> None:
        text = search.text_of(entry.data if entry.search_text is None else entry.search_text)
        cursor = db.execute(
            f"INSERT INTO entries (seq, text, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  our names
            (
                seq,
                text,
                entry.id,
                entry.collection,
                json.dumps(entry.data),
                entry.search_text,
                to_micros(entry.created_at),
                to_micros(entry.updated_at),
            ),
        )
        if self._database.full_text:
            sql = "INSERT INTO entries_fts (rowid, text) VALUES (?, ?)"
            db.execute(sql, (cursor.lastrowid, text))

    def _remove(self, db: sqlite3.Connection, row: Row) -> int:
        seq, text = db.execute(
            "SELECT seq, text FROM entries WHERE collection = ? AND id = ?", (row[1], row[0])
        ).fetchone()
        if self._database.full_text:
            sql = "INSERT INTO entries_fts (entries_fts, rowid, text) VALUES ('delete', ?, ?)"
            db.execute(sql, (seq, text))
        db.execute("DELETE FROM entries WHERE seq = ?", (seq,))
        return int(seq)


def all_entries(db: sqlite3.Connection) -> Iterator[Entry]:
    """Return every entry of every collection, products too, in the order they were made."""
    return map(_entry, db.execute(f"SELECT {_COLUMNS} FROM entries ORDER BY seq"))  # noqa: S608  our names


def _row(db: sqlite3.Connection, collection: str, entry_id: str) -> Row | None:
    sql = f"SELECT {_COLUMNS} FROM entries WHERE collection = ? AND id = ?"  # noqa: S608  our names
    row: Row | None = db.execute(sql, (collection, entry_id)).fetchone()
    return row


def _found(row: Row | None, collection: str, entry_id: str) -> Row:
    if row is None:
        what = "No product" if collection == PRODUCTS else f"No entry of {collection!r}"
        raise NotFound(f"{what} has the id {entry_id!r}.", id=entry_id, collection=collection)
    return row


def _entry(row: Row) -> Entry:
    entry_id, collection, data, search_text, created_at, updated_at = row
    return Entry(
        id=entry_id,
        collection=collection,
        data=json.loads(data),
        search_text=search_text,
        created_at=from_micros(created_at),
        updated_at=from_micros(updated_at),
    )
