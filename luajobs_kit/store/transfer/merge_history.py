"""History from elsewhere, put beside what is here; nothing that is here is changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from luajobs_kit.model import Execution, LogLine, Message, RunError
from luajobs_kit.store.history.history import insert_message, save_execution, to_text
from luajobs_kit.store.history.log_rows import insert, to_row

_KNOWN: Final = (  # by time first, of which there is an index
    "SELECT 1 FROM logs WHERE at = ? AND seq >= ? AND message = ? AND level = ?"
    " AND execution_id IS ? AND job_id IS ?"
)
_UNFINISHED: Final = RunError(
    type="Abandoned", message="It had not finished when its workspace was exported."
)


def restore_executions(db: sqlite3.Connection, executions: Sequence[Execution]) -> int:
    """Keep those whose ids are not here; return how many.

    One that had not finished goes on where it came from, so it ends here.
    """
    count = 0
    for execution in executions:
        if db.execute("SELECT 1 FROM executions WHERE id = ?", (execution.id,)).fetchone():
            continue
        kept = execution
        if not execution.finished:
            kept = execution.evolve(status="abandoned", error=_UNFINISHED, next_attempt_at=None)
        save_execution(db, kept, to_text(kept))
        count += 1
    return count


def restore_messages(db: sqlite3.Connection, messages: Sequence[Message]) -> int:
    """Keep those whose ids are not here; return how many."""
    count = 0
    for message in messages:
        if not db.execute("SELECT 1 FROM messages WHERE id = ?", (message.id,)).fetchone():
            insert_message(db, message, to_text(message))
            count += 1
    return count


def lowest_number(db: sqlite3.Connection) -> int:
    """Return a number above which every line is that is here; numbers from elsewhere end below it."""
    lowest = db.execute("SELECT min(seq) FROM logs").fetchone()[0]
    return 0 if lowest is None else min(0, int(lowest))


def restore_lines(
    db: sqlite3.Connection, lines: Sequence[LogLine], first: int, lowest: int, *, full_text: bool
) -> int:
    """Keep lines under numbers from ``first`` on, but for those here (``lowest`` and up).

    Return how many. Numbers below all others make them older than what is here, and no
    follower of new lines meets them.
    """
    rows = [to_row(line.evolve(seq=number)) for number, line in enumerate(lines, first)]
    new = [
        row
        for row in rows
        if not db.execute(_KNOWN, (row[1], lowest, row[3], row[2], row[8], row[6])).fetchone()
    ]
    if new:
        insert(db, new, full_text=full_text)
    return len(new)
