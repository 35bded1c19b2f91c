"""The tables of ``history.db``, and how the file is opened, checked and closed."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from luajobs_kit.errors import WorkspaceError
from luajobs_kit.store import salvage

VERSION: Final = 1  # PRAGMA user_version
APPLICATION: Final = 0x4C754A73  # "LuJs", PRAGMA application_id
_HEADER: Final = 100  # bytes with which every SQLite file begins
_CHECKED: Final = 64 * 2**20  # bytes up to which a file is checked whole at every start

TABLES: Final = """
-- Which fires of a job are done. Never trimmed: what is in here cannot fire again.
CREATE TABLE fires (
    job_id TEXT PRIMARY KEY, armed_at INTEGER NOT NULL, last_fire INTEGER,
    state TEXT NOT NULL, failures INTEGER NOT NULL, note TEXT, skipped INTEGER NOT NULL
) WITHOUT ROWID;

-- One row an execution; the document holds all its attempts.
CREATE TABLE executions (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, job_id TEXT NOT NULL, user_id TEXT,
    status TEXT NOT NULL, finished INTEGER NOT NULL, created_at INTEGER NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX executions_job ON executions (job_id, created_at);
CREATE INDEX executions_status ON executions (status, created_at);
CREATE INDEX executions_user ON executions (user_id, created_at);
CREATE INDEX executions_time ON executions (created_at);
CREATE INDEX executions_unfinished ON executions (seq) WHERE finished = 0;

-- AUTOINCREMENT: a number is never given twice, not even after the newest lines were trimmed.
CREATE TABLE logs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, level INTEGER NOT NULL,
    message TEXT NOT NULL, duration REAL, source TEXT NOT NULL, job_id TEXT, job_name TEXT,
    execution_id TEXT, attempt INTEGER, user_id TEXT, tool_name TEXT, channel TEXT
);
CREATE INDEX logs_job ON logs (job_id);
CREATE INDEX logs_name ON logs (job_name);
CREATE INDEX logs_execution ON logs (execution_id);
CREATE INDEX logs_user ON logs (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX logs_time ON logs (at);
-- Warnings and errors are few: found at once among a million other lines.
CREATE INDEX logs_trouble ON logs (job_id) WHERE level >= 2;
CREATE INDEX logs_all_trouble ON logs (seq) WHERE level >= 2;
-- How many lines there are, so that a page's total needs no count over them.
CREATE TABLE log_totals (
    source TEXT NOT NULL, job_id TEXT NOT NULL, job_name TEXT NOT NULL, level INTEGER NOT NULL,
    lines INTEGER NOT NULL, PRIMARY KEY (job_id, job_name, source, level)
) WITHOUT ROWID;
CREATE INDEX log_totals_name ON log_totals (job_name);

CREATE TABLE messages (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL,
    created_at INTEGER NOT NULL, document TEXT NOT NULL
);
CREATE INDEX messages_user ON messages (user_id, created_at);
CREATE INDEX messages_time ON messages (created_at);

-- Idempotency: what a request with this key answered, committed with what it did.
CREATE TABLE keys (
    kind TEXT NOT NULL, key TEXT NOT NULL, made_at INTEGER NOT NULL, answer TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX keys_time ON keys (made_at);

-- Data and products. `text` is what searching looks at.
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY, collection TEXT NOT NULL, id TEXT NOT NULL, data TEXT NOT NULL,
    search_text TEXT, text TEXT NOT NULL, created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL, UNIQUE (collection, id)
);
"""

FULL_TEXT: Final = {
    "logs_fts": (
        "CREATE VIRTUAL TABLE logs_fts USING fts5(message, content = 'logs',"
        " content_rowid = 'seq', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2')"
    ),
    "entries_fts": (
        "CREATE VIRTUAL TABLE entries_fts USING fts5(text, content = 'entries',"
        " content_rowid = 'seq', tokenize = 'porter unicode61 remove_diacritics 2')"
    ),
}
_STALE: Final = "CREATE TABLE IF NOT EXISTS full_text_stale (seq INTEGER)"


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
        return Opened(connection, _create(connection))
    _refuse_newer(path)
    try:
        _refuse_short(path)
        return Opened(*_open(path))
    except sqlite3.DatabaseError as error:
        if not salvage.is_damage(error):
            raise
        aside = salvage.set_aside(path)
        connection, full_text = _open(path)
        kept = salvage.take_over(aside, connection)
        if full_text:
            _rebuild(connection)
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


def suspect(path: Path) -> None:
    """Have the whole file checked at the next start, however large it is."""
    with suppress(OSError):  # a disk that takes no note: the next error comes here again
        _suspicion(path).touch(mode=0o600)


def _refuse_newer(path: Path) -> None:
    """Raise ``WorkspaceError``, having changed nothing, if a newer kit wrote this file."""
    if not path.exists():
        return
    with path.open("rb") as file:
        header = file.read(_HEADER)
    ours = salvage.is_sqlite(header) and int.from_bytes(header[68:72], "big") == APPLICATION
    version = int.from_bytes(header[60:64], "big") if ours else 0  # else it may be garbage
    if version <= VERSION and path.with_name(path.name + "-wal").exists():
        version = max(version, _version_with_wal(path))
    if version > VERSION:
        raise WorkspaceError(
            f"{path} was written by a newer luajobs_kit (format {version}, this one knows"
            f" {VERSION}). Nothing was changed. Upgrade luajobs_kit, or use another workspace."
        )


def _refuse_short(path: Path) -> None:
    """Raise ``Damaged`` for what SQLite would take for a new database: a file that lost its content."""
    if path.exists() and path.stat().st_size < _HEADER:
        wal = path.with_name(path.name + "-wal")
        if not wal.exists() or wal.stat().st_size == 0:
            raise salvage.Damaged("it is empty")


def _version_with_wal(path: Path) -> int:
    """Read the version as the unmerged log beside the file has it; reading merges nothing."""
    try:
        with closing(open_reader(path)) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error:  # damaged: opening it for writing finds out how
        return 0


def _suspicion(path: Path) -> Path:
    return path.with_name(path.name + ".suspect")


def _connect(target: str) -> sqlite3.Connection:
    connection = sqlite3.connect(target, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -32000")  # kB
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
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise WorkspaceError(
                f"{path} is a database of something else. Nothing was changed. Move it away,"
                " or use another workspace."
            )
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        full_text = _create(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the version is in the file
        return full_text
    connection.execute("PRAGMA journal_mode = WAL")
    suspicion = _suspicion(path)
    suspected = suspicion.exists()
    if suspected or path.stat().st_size <= _CHECKED:
        salvage.check(connection)
    full_text = _settle_full_text(connection)
    if suspected and full_text:
        _rebuild(connection)  # the check does not look into the search indexes
    suspicion.unlink(missing_ok=True)
    return full_text


def _create(connection: sqlite3.Connection) -> bool:
    full_text = has_fts5()
    script = TABLES + "".join(f"{sql};\n" for sql in FULL_TEXT.values() if full_text)
    connection.executescript(
        f"BEGIN IMMEDIATE;\n{script}PRAGMA application_id = {APPLICATION};\n"
        f"PRAGMA user_version = {VERSION};\nCOMMIT;"
    )
    return full_text


def has_fts5() -> bool:
    """Return whether this Python's SQLite has its full-text search."""
    probe = sqlite3.connect(":memory:")
    try:
        probe.execute("CREATE VIRTUAL TABLE probe USING fts5(text)")
    except sqlite3.OperationalError:
        return False
    else:
        return True
    finally:
        probe.close()


def _settle_full_text(connection: sqlite3.Connection) -> bool:
    """Make the search indexes fit what is kept, after a life without FTS5 too."""
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if not has_fts5():
        connection.execute(_STALE)
        return False
    missing = [name for name in FULL_TEXT if name not in tables]
    if missing or "full_text_stale" in tables:
        for name in missing:
            connection.execute(FULL_TEXT[name])
        _rebuild(connection)
        connection.execute("DROP TABLE IF EXISTS full_text_stale")
    return True


def _rebuild(connection: sqlite3.Connection) -> None:
    for name in FULL_TEXT:
        connection.execute(f"INSERT INTO {name} ({name}) VALUES ('rebuild')")  # noqa: S608  our names
