"""Watermarks: how far each job's fires are dealt with, kept apart from executions and never trimmed."""

from __future__ import annotations

import sqlite3
from typing import Annotated, Literal

from pydantic import Field

from luajobs_kit.model import Document, Instant
from luajobs_kit.store.database.column_values import from_micros, to_micros

Count = Annotated[int, Field(ge=0, lt=2**63)]  # what SQLite can hold


class FireState(Document):
    """Where a job's schedule stands."""

    job_id: str
    armed_at: Instant
    """Which arming of the job this belongs to."""
    last_fire: Instant | None = None
    """The watermark: every fire up to and including this instant is dealt with."""
    state: Literal["armed", "done", "failed", "paused"] = "armed"
    failures: Count = 0  # executions failed in a row
    note: str | None = None  # why it is paused or failed, in words
    skipped: Count = 0  # fires not run, in all


_COLUMNS = "job_id, armed_at, last_fire, state, failures, note, skipped"


# A run's end and what becomes of the next fire may each have been worked out before the other
# was written: within one arming watermark and count never go back, and a fire moves nothing else.
_SAME = "CASE WHEN fires.armed_at = excluded.armed_at THEN {} ELSE excluded.{} END"
_FORWARD = {
    name: _SAME.format(
        f"max(coalesce(fires.{name}, excluded.{name}), coalesce(excluded.{name}, fires.{name}))",
        name,
    )
    for name in ("last_fire", "skipped")
}
_OTHERS = ("state", "failures", "note")


def save(connection: sqlite3.Connection, fire: FireState) -> None:
    """Keep ``fire`` in place of what was kept for its job; watermark and count never go back."""
    _write(connection, fire, {name: f"excluded.{name}" for name in _OTHERS})


def advance(connection: sqlite3.Connection, fire: FireState) -> None:
    """Keep what ``fire`` has dealt with; of the same arming, the rest stays as it is kept."""
    _write(connection, fire, {name: _SAME.format(f"fires.{name}", name) for name in _OTHERS})


def _write(connection: sqlite3.Connection, fire: FireState, others: dict[str, str]) -> None:
    changes = ", ".join(f"{name} = {value}" for name, value in {**_FORWARD, **others}.items())
    connection.execute(
        f"INSERT INTO fires ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  our names
        f" ON CONFLICT (job_id) DO UPDATE SET {changes}, armed_at = excluded.armed_at",
        (
            fire.job_id,
            to_micros(fire.armed_at),
            None if fire.last_fire is None else to_micros(fire.last_fire),
            fire.state,
            fire.failures,
            fire.note,
            fire.skipped,
        ),
    )


def load(connection: sqlite3.Connection, job_id: str | None = None) -> dict[str, FireState]:
    """Return every job's state, or that of one job, by job id."""
    sql = f"SELECT {_COLUMNS} FROM fires"  # noqa: S608  our names
    if job_id is not None:
        sql += " WHERE job_id = ?"
    rows = connection.execute(sql, () if job_id is None else (job_id,))
    return {row[0]: from_row(row) for row in rows}


def forget(connection: sqlite3.Connection, job_id: str) -> None:
    """Drop the state of a job that is no more."""
    connection.execute("DELETE FROM fires WHERE job_id = ?", (job_id,))


def from_row(row: tuple[str, int, int | None, str, int, str | None, int]) -> FireState:
    """Return the state that ``row`` keeps."""
    job_id, armed_at, last_fire, state, failures, note, skipped = row
    return FireState.model_validate(
        {
            "job_id": job_id,
            "armed_at": from_micros(armed_at),
            "last_fire": None if last_fire is None else from_micros(last_fire),
            "state": state,
            "failures": failures,
            "note": note,
            "skipped": skipped,
        }
    )
