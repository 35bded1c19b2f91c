"""A damaged list of tables in ``history.db``, replaced by that of a new file.

SQLite reads nothing of a file whose list of tables (its first page, and some more) is broken,
though every row may be there. Where the tables begin is the same in every file of one
format: they are made in the same order, and stay. So a copy gets a new file's list, and
is read. See https://www.sqlite.org/fileformat2.html
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from luajobs_kit.store.database import schema

_HEADER = 100  # bytes before the first page's own header
_INTERIOR, _LEAF = 5, 13  # kinds of pages of a table


def graft(damaged: Path, copy: Path) -> None:
    """Make ``copy`` of a damaged file, with a new file's list of tables.

    Raises ``OSError``, and ``sqlite3.DatabaseError`` where it is not known how.
    """
    shutil.copyfile(damaged, copy)
    _merge_wal(damaged, copy)
    with closing(sqlite3.connect(":memory:")) as new:
        new.execute("PRAGMA auto_vacuum = INCREMENTAL")
        schema.create(new)
        size = int(new.execute("PRAGMA page_size").fetchone()[0])
        pages = new.serialize()
    with copy.open("r+b") as file:
        count = -(-file.seek(0, os.SEEK_END) // size)
        first = bytearray(pages[:size])
        for place in _pointers(first):
            child = int.from_bytes(first[place : place + 4], "big")
            leaf = pages[(child - 1) * size : child * size]
            if leaf[0] != _LEAF:
                raise sqlite3.DatabaseError("a list of tables deeper than expected")
            file.seek(count * size)
            file.write(leaf)
            count += 1
            first[place : place + 4] = count.to_bytes(4, "big")
        first[28:32] = count.to_bytes(4, "big")  # pages in the file
        first[32:40] = bytes(8)  # none of them free
        file.seek(0)
        file.write(first)


def _pointers(first: bytearray) -> list[int]:
    """Return where the first page holds the numbers of the pages with the list."""
    if first[_HEADER] != _INTERIOR:
        return []  # the list is short, and on this page
    cells = int.from_bytes(first[_HEADER + 3 : _HEADER + 5], "big")
    array = _HEADER + 12
    places = [int.from_bytes(first[array + 2 * n : array + 2 * n + 2], "big") for n in range(cells)]
    return [*places, _HEADER + 8]


def _merge_wal(damaged: Path, copy: Path) -> None:
    """Bring what was committed but not merged into the copy, where SQLite can."""
    wal, shared = (copy.with_name(copy.name + suffix) for suffix in ("-wal", "-shm"))
    with suppress(FileNotFoundError, sqlite3.Error):
        shutil.copyfile(damaged.with_name(damaged.name + "-wal"), wal)
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    wal.unlink(missing_ok=True)
    shared.unlink(missing_ok=True)
