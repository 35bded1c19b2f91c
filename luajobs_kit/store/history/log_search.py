"""Finding log lines: by what they belong to, by level, time and words, in pages."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import LogPage, LogQuery, Pagination
from luajobs_kit.store.database.column_values import phrase, to_micros, utf8
from luajobs_kit.store.history.log_rows import COLUMNS, LEVELS, Row, from_row

_TROUBLE: Final = LEVELS.index("warn")
_LINES: Final = "logs l"
_MOST_LITERALS: Final = 500
_FOUND: Final = "logs_fts MATCH ?"
# Nearly what FTS5's unicode61 tokenizer keeps: letters and digits. An underscore separates words.
_TOKEN = re.compile(r"[^\W_]+")


def find(connection: sqlite3.Connection, query: LogQuery, *, full_text: bool) -> LogPage:
    """Return the page of lines that ``query`` asks for.

    Where it follows a cursor nothing is counted: the total only says whether more is there.
    """
    tables, conditions, values = _conditions(query, full_text=full_text)
    where = " AND ".join(conditions) or "1"
    by = "l.seq" if tables == _LINES else "f.rowid"
    order = "DESC" if query.after is None else "ASC"
    offset = (query.page - 1) * query.limit
    rows = connection.execute(
        f"SELECT {_qualified('l')} FROM {tables} WHERE {where}"  # noqa: S608  our names
        f" ORDER BY {by} {order} LIMIT ? OFFSET ?",
        (*values, query.limit + 1, offset),
    ).fetchall()
    total: int | None = offset + len(rows)
    if query.after is None:
        total = _total(connection, query)
    if total is None:
        if conditions == [_FOUND]:  # the index alone knows
            tables = "logs_fts"
        sql = f"SELECT count(*) FROM {tables} WHERE {where}"  # noqa: S608  our names
        total = connection.execute(sql, values).fetchone()[0]
    rows = rows[: query.limit]
    if query.context:
        rows = _with_context(connection, rows, query)
    return LogPage(
        logs=[from_row(row) for row in rows],
        pagination=Pagination.of(page=query.page, limit=query.limit, total=total),
    )


def _conditions(query: LogQuery, *, full_text: bool) -> tuple[str, list[str], list[Any]]:
    tables = _LINES
    conditions: list[str] = []
    values: list[Any] = []
    if query.grep is not None and query.grep.strip():
        found = _matching_all(query.grep)
        if full_text and found.match is not None:
            # The index gives lines in their own order, so a page stops as soon as it is full.
            tables = "logs_fts f CROSS JOIN logs l ON l.seq = f.rowid"
            conditions.append(_FOUND)
            values.append(found.match)
        texts = found.literals if full_text else list(dict.fromkeys(query.grep.split()))
        if len(texts) > _MOST_LITERALS:  # SQLite's own limit on conditions is some 1,000
            raise InvalidInput(
                f"grep has {len(texts)} different words that only reading each line can find; at"
                f" most {_MOST_LITERALS} are looked for."
            )
        for text in texts:
            conditions.append("instr(lower(l.message), lower(?)) > 0")
            values.append(utf8(text))
    equal = {  # the narrowest first
        "execution_id": query.execution_id,
        "job_id": query.job_id,
        "job_name": query.name,
        "user_id": query.user_id,
        "tool_name": query.tool_name,
        "source": None if query.source == "all" else query.source,
    }
    plain = ""
    for column, value in equal.items():
        if value is not None:
            conditions.append(f"{plain}l.{column} = ?")
            values.append(value)
            plain = "+"  # SQLite then uses no index for it: the first one's is the best
    if query.level is not None and query.level != "debug":
        level = LEVELS.index(query.level)
        if level >= _TROUBLE:
            conditions.append(f"l.level >= {_TROUBLE}")  # in these words: the partial index's own
        if level != _TROUBLE:
            conditions.append(f"l.level >= {level:d}")
    if query.since is not None:
        conditions.append("l.at >= ?")
        values.append(to_micros(query.since))
    if query.after is not None:
        conditions.append("l.seq > ?")
        values.append(query.after)
    return tables, conditions, values


def _total(connection: sqlite3.Connection, query: LogQuery) -> int | None:
    """Return the number of lines where it is kept counted, else None."""
    counted = (query.execution_id, query.user_id, query.tool_name, query.since)
    if any(value is not None for value in counted) or (query.grep or "").strip():
        return None
    equal = {
        "source": None if query.source == "all" else query.source,
        "job_id": query.job_id,
        "job_name": query.name,
    }
    given = {column: value for column, value in equal.items() if value is not None}
    where = "".join(f" AND {column} = ?" for column in given)
    level = 0 if query.level is None else LEVELS.index(query.level)
    sql = f"SELECT coalesce(sum(lines), 0) FROM log_totals WHERE level >= ?{where}"  # noqa: S608  our names
    return int(connection.execute(sql, (level, *given.values())).fetchone()[0])


def _with_context(connection: sqlite3.Connection, rows: list[Row], query: LogQuery) -> list[Row]:
    found = {row[0]: row for row in rows}
    for row in rows:
        column, value = ("execution_id", row[8]) if row[8] is not None else ("job_id", row[6])
        for side, order in (("<", "DESC"), (">", "ASC")):
            around = connection.execute(
                f"SELECT {COLUMNS} FROM logs WHERE {column} IS ? AND seq {side} ?"  # noqa: S608  our names
                f" ORDER BY seq {order} LIMIT ?",
                (value, row[0], query.context),
            )
            found.update({line[0]: line for line in around})
    return [found[seq] for seq in sorted(found, reverse=query.after is None)]


def _qualified(table: str) -> str:
    return ", ".join(f"{table}.{column.strip()}" for column in COLUMNS.split(","))


@dataclass(frozen=True, slots=True)
class _Words:
    """A search of several words that must all occur."""

    match: str | None  # FTS5's expression; None when no word has a letter or a digit
    literals: list[str]  # words of punctuation only, which the index does not hold


def _matching_all(text: str) -> _Words:
    """Return the search for every word of ``text``, in any order."""
    words = list(dict.fromkeys(utf8(word) for word in text.split()))
    indexed = [word for word in words if _TOKEN.search(word)]
    return _Words(
        match=" AND ".join(map(phrase, indexed)) or None,
        literals=[word for word in words if not _TOKEN.search(word)],
    )
