"""Salvage of a damaged ``history.db``: it is set aside whole, and what can be read is taken over."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from luajobs_kit.store.database.column_values import Damaged
from luajobs_kit.store.database.salvage_rows import check_rows, salvage_table

# The most valuable first.
_TABLES: Final = ("fires", "executions", "keys", "entries", "messages", "logs")
_NAMED: Final = 20  # of what was lost, by table
_FILES: Final = ("", "-wal", "-shm")


def is_sqlite(header: bytes) -> bool:
    """Return whether a file that begins with ``header`` claims to be SQLite's."""
    return header.startswith(b"SQLite format 3\x00")


def check(connection: sqlite3.Connection) -> None:
    """Raise ``sqlite3.DatabaseError`` if the file is not sound."""
    found = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
    if found != ["ok"]:
        raise Damaged("; ".join(found))


def check_all(connection: sqlite3.Connection) -> None:
    """Raise ``sqlite3.DatabaseError`` if the file is not sound, or any row cannot be read."""
    check(connection)
    for table in _TABLES:
        check_rows(connection, table)


def check_start(connection: sqlite3.Connection) -> None:
    """Raise ``sqlite3.DatabaseError`` if a row cannot be read without which no engine starts."""
    check_rows(connection, "fires")
    check_rows(connection, "executions", "finished = 0")


def set_aside(path: Path) -> Path:
    """Rename the database and its companions; returns the new name, which nothing else has."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in _FILES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def take_over(aside: Path, connection: sqlite3.Connection) -> str:
    """Copy every readable row into ``connection``; returns in words what came over."""
    damaged = sqlite3.connect(f"{aside.resolve().as_uri()}?mode=ro", uri=True)
    # Where the list of tables is damaged, those listed ahead of the damage can be read all the same.
    damaged.execute("PRAGMA writable_schema = ON")
    listed = [table for table in _TABLES if _is_listed(damaged, table)]
    if not listed:
        damaged.close()
        return "Nothing in it could be read: its list of tables is damaged."
    kept: list[str] = []
    lost = [f"all {table}" for table in _TABLES if table not in listed]
    connection.execute("BEGIN IMMEDIATE")
    try:
        for table in listed:
            salvaged = salvage_table(damaged, connection, table)
            if table != "keys":
                kept.append(f"{salvaged.kept} {table}")
            if salvaged.lost:
                lost.append(_describe_lost(damaged, table, salvaged.lost))
        _count_logs(connection)
        connection.execute("COMMIT")
    finally:
        damaged.close()
    gone = ", ".join(lost) or "nothing"
    return f"Read from it and kept: {', '.join(kept)}. Lost, as far as its indexes tell: {gone}."


def _is_listed(damaged: sqlite3.Connection, table: str) -> bool:
    """Return whether the list of tables can be read as far as ``table``."""
    try:
        damaged.execute(f"EXPLAIN SELECT * FROM {table}").close()  # noqa: S608  our names
    except sqlite3.DatabaseError:
        return False
    return True


def _describe_lost(damaged: sqlite3.Connection, table: str, lost: list[tuple[Any, ...]]) -> str:
    """Return in words which rows were lost: by id where it is known, else by number."""
    if table == "logs":
        named = _ranges(sorted(number for (number,) in lost))
    else:
        named = ["/".join(map(str, key)) for key in lost]
        column = {"executions": "id", "messages": "id", "entries": "collection || '/' || id"}
        if table in column:
            names: dict[int, str] = {}
            with suppress(sqlite3.Error):
                index = f"sqlite_autoindex_{table}_1"
                sql = f"SELECT seq, {column[table]} FROM {table} INDEXED BY {index}"  # noqa: S608  our names
                wanted = {key[0] for key in lost}
                names.update(row for row in damaged.execute(sql) if row[0] in wanted)
            named = [names.get(key[0], f"number {key[0]}") for key in lost]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return f"{len(lost)} {table} ({', '.join(named[:_NAMED])}{more})"


def _ranges(numbers: list[int]) -> list[str]:
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return [f"{first} to {last}" if first != last else str(first) for first, last in found]


def _count_logs(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO log_totals (source, job_id, job_name, level, lines)"
        " SELECT source, coalesce(job_id, ''), coalesce(job_name, ''), level, count(*) FROM logs"
        " GROUP BY 1, 2, 3, 4"
    )
