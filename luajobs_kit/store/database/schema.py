"""The tables of ``history.db``."""

from __future__ import annotations

import sqlite3
from typing import Final

VERSION: Final = 1  # PRAGMA user_version
APPLICATION: Final = 0x4C754A73  # "LuJs", PRAGMA application_id

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


def create(connection: sqlite3.Connection) -> bool:
    """Make the tables, all or none; returns whether there is full-text search."""
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


def settle_full_text(connection: sqlite3.Connection) -> bool:
    """Make the search indexes fit what is kept, after a life without FTS5 too."""
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if not has_fts5():
        connection.execute(_STALE)
        return False
    missing = [name for name in FULL_TEXT if name not in tables]
    if missing or "full_text_stale" in tables:
        for name in missing:
            connection.execute(FULL_TEXT[name])
        rebuild(connection)
        connection.execute("DROP TABLE IF EXISTS full_text_stale")
    return True


def rebuild(connection: sqlite3.Connection) -> None:
    """Index everything for searching afresh."""
    for name in FULL_TEXT:
        connection.execute(f"INSERT INTO {name} ({name}) VALUES ('rebuild')")  # noqa: S608  our names
