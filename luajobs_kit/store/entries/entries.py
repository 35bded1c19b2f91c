"""Data collections and products: JSON objects by id, by filter and by words."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from luajobs_kit.clock import Clock
from luajobs_kit.errors import InvalidInput, NotFound, StorageFull
from luajobs_kit.ids import Ids
from luajobs_kit.model import Entry, EntryPage, Pagination
from luajobs_kit.store.database.column_values import from_micros, to_micros, utf8
from luajobs_kit.store.database.database import Database, used_bytes
from luajobs_kit.store.entries import search
from luajobs_kit.store.entries.entry_rules import accepted, valid_collection, valid_data
from luajobs_kit.store.entries.filters import Steps, compile_filter
from luajobs_kit.store.history import idempotency
from luajobs_kit.store.listing import MOST_ANSWERED

PRODUCTS: Final = "$products"
"""The collection that holds the products; no name a user gives begins with a dollar sign."""
THRESHOLD: Final = 0.6  # Lua's default

LONGEST_QUERY: Final = 4_000  # characters of a search's text

_MOST: Final = 2**63 - 1  # what SQLite can count
_READ_A_STEP: Final = 100  # characters of JSON read in the time of one comparison
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
        *,
        within: int | None = None,
    ) -> Entry:
        """Add an object; with a key used in the last 24 hours, return what was made then.

        Without ``search_text`` a search looks at all of the data's text. Half a surrogate pair,
        which is no text, becomes a question mark. Raises ``InvalidInput``, ``Conflict`` for a
        key that was used for another object, and ``StorageFull`` where the whole file takes
        more than ``within`` bytes already.
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
            answer = idempotency.answer(db, "entry", key, now)
            if answer is not None:
                first = json.loads(answer)
                idempotency.refuse_other(
                    (first["collection"], first["data"]),
                    (collection, entry.to_json()["data"]),
                    "entry",
                )
                row = _row(db, first["collection"], first["id"])
                return Entry.model_validate(first) if row is None else _entry(row)
            _check_room(db, within)
            self._insert(db, entry)
            if key is not None:
                idempotency.keep(db, "entry", key, now, json.dumps(entry.to_json()))
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

        Raises ``InvalidInput``, also where the page takes more than ``MOST_ANSWERED`` characters
        or the filter more than ``MOST_STEPS`` comparisons. The filter's words are in
        ``filters.compile_filter``.
        """
        if page < 1 or limit < 1:
            raise InvalidInput(f"page and limit count from 1; got page={page}, limit={limit}.")
        if page * limit > _MOST:
            raise InvalidInput(f"No collection has so many entries: page={page}, limit={limit}.")
        steps = Steps()
        holds = compile_filter(filter, steps)
        start = (page - 1) * limit

        def work(db: sqlite3.Connection) -> EntryPage:
            answer = _Answer()
            if not filter:
                for row in _in_order(db, collection, limit, start):
                    answer.add(row)
                count = "SELECT count(*) FROM entries WHERE collection = ?"
                total = db.execute(count, (collection,)).fetchone()[0]
            else:
                total = 0
                for row in _in_order(db, collection):
                    steps.take(1 + len(row[2]) // _READ_A_STEP)
                    if holds(json.loads(row[2])):
                        if start <= total < start + limit:
                            answer.add(row)
                        total += 1
            return EntryPage(
                data=answer.entries,
                pagination=Pagination.of(page=page, limit=limit, total=total),
            )

        return await self._database.read(work)

    async def replace(
        self,
        collection: str,
        entry_id: str,
        data: Mapping[str, Any],
        search_text: str | None = None,
        *,
        within: int | None = None,
    ) -> Entry:
        """Put ``data`` in place of an entry's data; without ``search_text``, the old one stays.

        Raises ``NotFound``, and as ``create`` does.
        """
        given = valid_data(data)
        return await self._change(collection, entry_id, lambda _: given, search_text, within)

    async def merge(
        self,
        collection: str,
        entry_id: str,
        data: Mapping[str, Any],
        search_text: str | None = None,
        *,
        unset: Collection[str] = (),
        within: int | None = None,
    ) -> Entry:
        """Set these fields of an entry's data and remove those of ``unset``; the others stay.

        Raises as ``replace`` does.
        """
        given = valid_data(data)
        gone = frozenset(unset)

        def change(old: dict[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in old.items() if name not in gone} | given

        return await self._change(collection, entry_id, change, search_text, within)

    async def delete(self, collection: str, entry_id: str) -> None:
        """Remove an entry. Raises ``NotFound``."""

        def work(db: sqlite3.Connection) -> None:
            self._remove(db, _found(_row(db, collection, entry_id), collection, entry_id))

        await self._database.write(work)

    async def search(
        self, collection: str, text: str, limit: int = 10, threshold: float = THRESHOLD
    ) -> list[Entry]:
        """Return the entries whose ``score`` is at least ``threshold``, the best first.

        Any text of at most ``LONGEST_QUERY`` characters is a query; what the score means is in
        ``search``. Raises ``InvalidInput``, also as ``page`` does.
        """
        if limit < 1 or not 0 <= threshold <= 1:
            raise InvalidInput(
                f"A search needs a limit of 1 or more and a threshold from 0 to 1; got"
                f" limit={limit}, threshold={threshold}."
            )
        if len(text) > LONGEST_QUERY:
            raise InvalidInput(
                f"A search's text has at most {LONGEST_QUERY:,} characters; this one has {len(text):,}."
            )
        full_text = self._database.full_text
        sql = f"SELECT {_COLUMNS} FROM entries WHERE seq = ?"  # noqa: S608  our names
        steps = Steps()

        def work(db: sqlite3.Connection) -> list[Entry]:
            found = search.find(db, collection, text, threshold, full_text=full_text, steps=steps)[
                :limit
            ]
            answer = _Answer()
            for seq, score in found:
                answer.add(db.execute(sql, (seq,)).fetchone(), score)
            return answer.entries

        return await self._database.read(work)

    async def _change(
        self,
        collection: str,
        entry_id: str,
        change: Any,
        search_text: str | None,
        within: int | None,
    ) -> Entry:
        now = self._clock.now()

        def work(db: sqlite3.Connection) -> Entry:
            _check_room(db, within)
            row = _found(_row(db, collection, entry_id), collection, entry_id)
            old = _entry(row)
            new = old.evolve(
                data=change(old.data),
                search_text=old.search_text if search_text is None else utf8(search_text) or None,
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


class _Answer:
    """The entries of one answer: no more than are read, sent and held at once without harm."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._size = 0  # characters

    def add(self, row: Row, score: float | None = None) -> None:
        """Add an entry. Raises ``InvalidInput`` for one too many, and says how many fit."""
        self._size += len(row[2]) + len(row[3] or "")
        if self._size > MOST_ANSWERED and self.entries:
            raise InvalidInput(
                f"These entries are too large to be answered at once: the first {len(self.entries)} "
                f"take {MOST_ANSWERED // 2**20} MB. Ask for less, page by page: "
                f"limit={len(self.entries)}."
            )
        self.entries.append(_entry(row, score))


def all_entries(db: sqlite3.Connection) -> Iterator[Entry]:
    """Return every entry of every collection, products too, in the order they were made."""
    return map(_entry, db.execute(f"SELECT {_COLUMNS} FROM entries ORDER BY seq"))  # noqa: S608  our names


def _check_room(db: sqlite3.Connection, within: int | None) -> None:
    if within is not None and used_bytes(db) > within:
        raise StorageFull(
            f"History, data and products take more than {within:,} bytes together, which is all "
            "that jobs of this workspace may fill. Delete entries, or let its owner raise the "
            "setting data_bytes."
        )


def _row(db: sqlite3.Connection, collection: str, entry_id: str) -> Row | None:
    sql = f"SELECT {_COLUMNS} FROM entries WHERE collection = ? AND id = ?"  # noqa: S608  our names
    row: Row | None = db.execute(sql, (collection, entry_id)).fetchone()
    return row


def _in_order(
    db: sqlite3.Connection, collection: str, limit: int = -1, start: int = 0
) -> Iterator[Row]:
    """Return the rows of a collection in the order they were made."""
    # Their numbers are brought into order first: with whole rows SQLite would copy all of them.
    sql = (
        f"SELECT {_COLUMNS} FROM"  # noqa: S608  our names
        " (SELECT seq AS number FROM entries WHERE collection = ? ORDER BY seq LIMIT ? OFFSET ?)"
        " CROSS JOIN entries ON seq = number"
    )
    return db.execute(sql, (collection, limit, start))


def _found(row: Row | None, collection: str, entry_id: str) -> Row:
    if row is None:
        what = "No product" if collection == PRODUCTS else f"No entry of {collection!r}"
        raise NotFound(f"{what} has the id {entry_id!r}.", id=entry_id, collection=collection)
    return row


def _entry(row: Row, score: float | None = None) -> Entry:
    entry_id, collection, data, search_text, created_at, updated_at = row
    return Entry(
        id=entry_id,
        collection=collection,
        data=json.loads(data),
        search_text=search_text,
        created_at=from_micros(created_at),
        updated_at=from_micros(updated_at),
        score=score,
    )
