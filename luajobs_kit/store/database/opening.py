"""Opening of ``history.db``: refused when newer, checked, salvaged when damaged; and its closing."""

from __future__ import annotations

import ctypes
import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from luajobs_kit.errors import WorkspaceError
from luajobs_kit.store.database import salvage, schema
from luajobs_kit.store.database.column_values import Damaged, is_damage

_HEADER: Final = 100  # bytes with which every SQLite file begins
_CHECKED: Final = 64 * 2**20  # bytes up to which a file is checked whole at every start


@dataclass(slots=True)
class Opened:
    """A writer's connection, and what opening it had to do."""

    connection: sqlite3.Connection
    full_text: bool
    findings: list[str] = field(default_factory=list)


def open_database(path: Path | None) -> Opened:
    """Return the writer's connection to a database that is sound and of this version."""
    if path is None:
        connection = _connect(":memory:")
        return Opened(connection, schema.create(connection))
    _refuse_newer(path)
    try:
        _refuse_short(path)
        return Opened(*_open(path))
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        aside = salvage.set_aside(path)
        connection, full_text = _open(path)
        kept = salvage.take_over(aside, connection)
        if full_text:
            schema.rebuild(connection)
        return Opened(
            connection,
            full_text,
            [f"{path} was damaged ({error}) and is set aside as {aside.name}. {kept}"],
        )


def open_reader(path: Path) -> sqlite3.Connection:
    """Return a connection that cannot write."""
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA busy_timeout = 5000")
    return connection


def close(connection: sqlite3.Connection) -> None:
    """Bring everything into the one file, where the disk allows it, and close."""
    with closing(connection), suppress(sqlite3.Error):
        # Where that fails, the next start reads the -wal file beside it.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def abandon(connection: sqlite3.Connection) -> None:
    """Keep a connection open until the process ends, because its file may be another's by now.

    Closing SQLite's last connection merges the log into the file at the path, and removes it.
    """
    # With one reference more than there are owners, it is not closed at the interpreter's end either.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def mark_suspect(path: Path) -> None:
    """Have the whole file checked at the next start, however large it is."""
    with suppress(OSError):  # not written: the next error tries again
        _suspicion(path).touch(mode=0o600)


def _refuse_newer(path: Path) -> None:
    """Raise ``WorkspaceError``, having changed nothing, if a newer kit wrote this file."""
    if not path.exists():
        return
    with path.open("rb") as file:
        header = file.read(_HEADER)
    ours = salvage.is_sqlite(header) and int.from_bytes(header[68:72], "big") == schema.APPLICATION
    version = int.from_bytes(header[60:64], "big") if ours else 0  # else it may be garbage
    if version <= schema.VERSION and path.with_name(path.name + "-wal").exists():
        version = max(version, _version_with_wal(path))
    if version > schema.VERSION:
        raise WorkspaceError(
            f"{path} was written by a newer luajobs_kit (format {version}, this one knows"
            f" {schema.VERSION}). Nothing was changed. Upgrade luajobs_kit, or use another workspace."
        )


def _refuse_short(path: Path) -> None:
    """Raise ``Damaged`` for what SQLite would take for a new database: a file that lost its content."""
    if path.exists() and path.stat().st_size < _HEADER:
        wal = path.with_name(path.name + "-wal")
        if not wal.exists() or wal.stat().st_size == 0:
            raise Damaged("it is empty")


def _version_with_wal(path: Path) -> int:
    """Read the version as the unmerged log beside the file has it; reading merges nothing."""
    try:
        with closing(open_reader(path)) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error:  # damaged: opening it for writing finds out how
        return 0


def _suspicion(path: Path) -> Path:
    return path.with_name(path.name + ".suspect")


def checkpoint(path: Path) -> None:
    """Bring what is committed from the log into the database; commits go on meanwhile."""
    with closing(_connect(str(path))) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _connect(target: str) -> sqlite3.Connection:
    connection = sqlite3.connect(target, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -32000")  # kB
    connection.execute("PRAGMA journal_size_limit = 16777216")  # bytes the -wal file keeps
    connection.execute("PRAGMA wal_autocheckpoint = 10000")  # pages; ``checkpoint`` comes before
    return connection


def _open(path: Path) -> tuple[sqlite3.Connection, bool]:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # messages are their users' own
    connection = _connect(str(path))
    try:
        full_text = _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection, full_text


def _prepare(connection: sqlite3.Connection, path: Path) -> bool:
    """Make the tables, or check them; returns whether there is full-text search."""
    suspicion = _suspicion(path)
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise WorkspaceError(
                f"{path} is a database of something else. Nothing was changed. Move it away,"
                " or use another workspace."
            )
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        full_text = schema.create(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the version is in the file
        suspicion.unlink(missing_ok=True)  # of the one before, that was set aside
        return full_text
    connection.execute("PRAGMA journal_mode = WAL")
    suspected = suspicion.exists()
    if suspected:
        salvage.check_all(connection)
    elif path.stat().st_size <= _CHECKED:
        salvage.check(connection)
    salvage.check_start(connection)
    full_text = schema.settle_full_text(connection)
    if suspected and full_text:
        schema.rebuild(connection)  # the check does not look into the search indexes
    suspicion.unlink(missing_ok=True)
    return full_text
