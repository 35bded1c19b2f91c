"""What to do with a damaged ``history.db``: set it aside whole, take over what can be read."""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from luajobs_kit.store.graft import graft

# In the order of what would be missed most.
_TABLES: Final = ("fires", "executions", "keys", "entries", "messages", "logs", "log_totals")
_FILES: Final = ("", "-wal", "-shm")


def is_sqlite(header: bytes) -> bool:
    """Return whether a file that begins with ``header`` claims to be SQLite's."""
    return header.startswith(b"SQLite format 3\x00")


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Return whether the error says that the file's content is broken."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or isinstance(error, Damaged)


class Damaged(sqlite3.DatabaseError):
    """The check found what reading might not have."""


def check(connection: sqlite3.Connection) -> None:
    """Raise ``sqlite3.DatabaseError`` if the file is not sound."""
    found = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
    if found != ["ok"]:
        raise Damaged("; ".join(found))


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
    grafted = aside.with_name(aside.name + ".grafted")
    try:
        damaged = _readable(aside, grafted)
    except (sqlite3.Error, OSError, AttributeError):  # some builds of SQLite cannot serialize
        return "Nothing in it could be read."
    finally:
        grafted.unlink(missing_ok=True)  # an open file stays until it is closed
    kept = []
    connection.execute("BEGIN IMMEDIATE")
    try:
        for table in _TABLES:
            count = _copy(damaged, connection, table)
            if table not in ("keys", "log_totals"):
                kept.append(f"{count} {table}")
        _count_logs(connection)
        connection.execute("COMMIT")
    finally:
        damaged.close()
    return "Read from it and kept: " + ", ".join(kept) + "."


def _readable(aside: Path, grafted: Path) -> sqlite3.Connection:
    """Open it for reading, if need be in a copy with a new list of tables."""
    try:
        return _listed(aside)
    except sqlite3.DatabaseError:
        graft(aside, grafted)
        return _listed(grafted)


def _listed(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        connection.execute("SELECT * FROM sqlite_master").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _copy(damaged: sqlite3.Connection, connection: sqlite3.Connection, table: str) -> int:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    count = 0
    # Forward up to the damage, then backward up to it.
    for order in ("", f" ORDER BY {columns[0]} DESC"):
        try:
            for row in damaged.execute(f"SELECT {names} FROM {table}{order}"):  # noqa: S608  our names
                if columns[-1] == "document":
                    json.loads(row[-1])
                sql = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"  # noqa: S608  our names
                count += connection.execute(sql, row).rowcount
            break
        except (sqlite3.Error, ValueError, TypeError):
            continue
    return count


def _count_logs(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM log_totals")
    connection.execute(
        "INSERT INTO log_totals (source, job_id, job_name, level, lines)"
        " SELECT source, coalesce(job_id, ''), coalesce(job_name, ''), level, count(*) FROM logs"
        " GROUP BY 1, 2, 3, 4"
    )
