"""Idempotency keys: a request that comes twice within a day has its effect once."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from typing import Final

from luajobs_kit.errors import Conflict
from luajobs_kit.store.database.column_values import to_micros

KEPT: Final = timedelta(hours=24)


def answer(db: sqlite3.Connection, kind: str, key: str | None, now: datetime) -> str | None:
    """Return what was answered to ``key`` in the last 24 hours, else None."""
    if key is None:
        return None
    row = db.execute(
        "SELECT answer FROM keys WHERE kind = ? AND key = ? AND made_at > ?",
        (kind, key, to_micros(now - KEPT)),
    ).fetchone()
    return None if row is None else str(row[0])


def refuse_other(first: object, now: object, what: str) -> None:
    """Raise ``Conflict`` unless what the key was used for first is what is asked for now."""
    if first != now:
        raise Conflict(
            f"This idempotency key was used for another {what} in the last 24 hours, so nothing was "
            "done. Give each request a key of its own, and repeat it with a request only."
        )


def keep(db: sqlite3.Connection, kind: str, key: str | None, now: datetime, text: str) -> None:
    """Keep ``text`` as the answer to ``key``, in the transaction of what it answers."""
    if key is not None:
        sql = "INSERT OR REPLACE INTO keys (kind, key, made_at, answer) VALUES (?, ?, ?, ?)"
        db.execute(sql, (kind, key, to_micros(now), text))


def forget_old(db: sqlite3.Connection, now: datetime, limit: int) -> int:
    """Drop up to ``limit`` keys that count no more; returns how many."""
    return db.execute(
        "DELETE FROM keys WHERE (kind, key) IN"
        " (SELECT kind, key FROM keys WHERE made_at <= ? LIMIT ?)",
        (to_micros(now - KEPT), limit),
    ).rowcount
