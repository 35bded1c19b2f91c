"""Rows of a damaged table: copied as far as they can be read, the others named."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from luajobs_kit.model import Execution, Message
from luajobs_kit.store.database.column_values import Damaged
from luajobs_kit.store.history import fires, log_rows

Row = tuple[Any, ...]
Readable = Callable[[Row], object]
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1

# A check for each table's rows: it raises where reading the row later would.
_READABLE: Final[dict[str, Readable]] = {
    "fires": fires.from_row,
    "executions": lambda row: Execution.model_validate_json(row[-1]),
    "messages": lambda row: Message.model_validate_json(row[-1]),
    "keys": lambda row: json.loads(row[-1]),
    "entries": lambda row: json.loads(row[3]),
    "logs": log_rows.from_row,
}
_UNREADABLE = (sqlite3.Error, ValueError, TypeError, LookupError, OverflowError, RecursionError)
# `fires` has no index besides its key, so the jobs of the executions stand in for it.
_JOBS: Final = "SELECT DISTINCT job_id FROM executions INDEXED BY executions_job ORDER BY job_id"


@dataclass(slots=True)
class Salvaged:
    """The outcome for one table."""

    kept: int = 0
    lost: list[Row] = field(default_factory=list)
    """The keys of rows that were there, as the indexes tell, and cannot be read."""


def salvage_table(damaged: sqlite3.Connection, new: sqlite3.Connection, table: str) -> Salvaged:
    """Copy every readable row of ``table``."""
    return _Table(damaged, new, table).salvage()


def check_rows(connection: sqlite3.Connection, table: str, where: str = "1") -> None:
    """Raise ``sqlite3.DatabaseError`` at the first row of ``table`` that cannot be read."""
    try:
        for row in connection.execute(f"SELECT * FROM {table} WHERE {where}"):  # noqa: S608  our names
            _READABLE[table](row)
    except sqlite3.Error:
        raise
    except _UNREADABLE as error:
        raise Damaged(f"a row of {table} cannot be read: {error}") from error


class _Table:
    def __init__(self, damaged: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
        self._damaged, self._new, self._table = damaged, new, table
        info = new.execute(f"PRAGMA table_info({table})").fetchall()
        columns = [column[1] for column in info]
        self._names = ", ".join(columns)
        self._keys = [column[1] for column in info if column[5]]
        self._places = [number for number, column in enumerate(info) if column[5]]
        marks = ", ".join("?" * len(columns))
        self._insert = f"INSERT OR IGNORE INTO {table} ({self._names}) VALUES ({marks})"  # noqa: S608  our names
        self._is_key = " AND ".join(f"{key} = ?" for key in self._keys)
        self._readable = _READABLE[table]
        self._salvaged = Salvaged()
        self._bad: dict[Row, None] = {}

    def salvage(self) -> Salvaged:
        if self._keys == ["seq"]:
            self._by_number()
        else:
            self._from_both_ends()
        for key in self._known():
            self._one(key)
        self._salvaged.lost = list(self._bad)
        return self._salvaged

    def _by_number(self) -> None:
        """Read on behind each place that cannot be read, as close behind it as can be."""
        start: int | None = _LOWEST
        while start is not None:
            last = start - 1
            try:
                for row in self._rows("seq >= ?", (start,), "seq"):
                    last = max(last, row[0])
                    self._keep(row)
                start = None
            except sqlite3.Error:
                start = self._behind(last)

    def _behind(self, last: int) -> int | None:
        """Return the lowest number above ``last + 1`` to read on from; None: there is none."""
        bad, step = last + 1, 1
        while not self._can_start(bad + step):
            bad, step = bad + step, step * 2
            if bad + step > _HIGHEST:
                return None
        good = bad + step
        while good - bad > 1:
            middle = (good + bad) // 2
            if self._can_start(middle):
                good = middle
            else:
                bad = middle
        return good

    def _can_start(self, number: int) -> bool:
        try:
            next(self._rows("seq >= ?", (number,), "seq"), None)
        except sqlite3.Error:
            return False
        return True

    def _from_both_ends(self) -> None:
        for order in ("ASC", "DESC"):
            with suppress(sqlite3.Error):
                for row in self._rows("1", (), f"{self._keys[0]} {order}"):
                    self._keep(row)

    def _known(self) -> Iterator[Row]:
        """Give the keys that the indexes hold, or else may hold, each as often as it is found."""
        if self._table == "fires":
            yield from self._until_damage(_JOBS)
            yield from self._until_damage(f"{_JOBS} DESC")
            return
        keys = ", ".join(self._keys)
        for index in self._new.execute(f"PRAGMA index_list({self._table})").fetchall():
            name, origin, partial = index[1], index[3], index[4]
            if origin != "pk" and not partial:
                sql = f"SELECT {keys} FROM {self._table} INDEXED BY {name}"  # noqa: S608  our names
                whole = yield from self._until_damage(sql)
                if whole:
                    return

    def _until_damage(self, sql: str) -> Any:
        try:
            for row in self._damaged.execute(sql):
                if None not in row:
                    yield row
        except sqlite3.Error:
            return False
        return True

    def _one(self, key: Row) -> None:
        """Copy one row unless it was copied; it is lost if it is unreadable, or indexed and missing."""
        sql = f"SELECT 1 FROM {self._table} WHERE {self._is_key}"  # noqa: S608  our names
        if key in self._bad or self._new.execute(sql, key).fetchone():
            return
        try:
            row = next(self._rows(self._is_key, key, "1"), None)
        except sqlite3.Error:
            self._bad[key] = None
            return
        if row is not None:
            self._keep(row)
        elif self._table != "fires":  # a job need not have any
            self._bad[key] = None

    def _rows(self, where: str, values: Row, order: str) -> Iterator[Row]:
        sql = f"SELECT {self._names} FROM {self._table} WHERE {where} ORDER BY {order}"  # noqa: S608  our names
        return iter(self._damaged.execute(sql, values))

    def _keep(self, row: Row) -> None:
        try:
            self._readable(row)
            self._salvaged.kept += self._new.execute(self._insert, row).rowcount
        except _UNREADABLE:
            self._bad[tuple(row[place] for place in self._places)] = None
