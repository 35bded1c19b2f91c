"""What tells that the content of ``history.db`` is broken."""

from __future__ import annotations

import sqlite3
from typing import TypeVar

from luajobs_kit.model import Document

D = TypeVar("D", bound=Document)


class Damaged(sqlite3.DatabaseError):
    """Something is there that SQLite can read, and that cannot be."""


def is_damage(error: Exception) -> bool:
    """Return whether the error says that the file's content is broken."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return (
        code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        or isinstance(error, Damaged)
        or str(error).startswith("Could not decode to UTF-8")  # Python's own: it has no code
    )


def read_document(model: type[D], text: str) -> D:
    """Return the document that ``text`` keeps; raises ``Damaged`` where it is none."""
    try:
        return model.model_validate_json(text)
    except ValueError as error:
        raise Damaged(f"no {model.__name__} can be read from {str(text)[:60]!r}") from error
