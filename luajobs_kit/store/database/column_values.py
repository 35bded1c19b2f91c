"""Values as the columns of ``history.db`` hold them: times, text, documents; and a damaged one.

Times are whole microseconds since 1970, so that order and equality are exact.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar, overload

from luajobs_kit.model import Document

D = TypeVar("D", bound=Document)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Damaged(sqlite3.DatabaseError):
    """A value that SQLite can read and that the kit cannot have written."""


def to_micros(when: datetime) -> int:
    """Return ``when`` in microseconds since 1970."""
    return (when - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the aware UTC time of ``micros`` since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


@overload
def utf8(text: str) -> str: ...
@overload
def utf8(text: None) -> None: ...
def utf8(text: str | None) -> str | None:
    """Return ``text`` as SQLite can keep it: a lone surrogate becomes a question mark."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def phrase(word: str) -> str:
    """Return ``word`` as FTS5's quoted phrase: ``T-1001`` is "T" directly followed by "1001"."""
    return '"' + word.replace('"', '""').replace("\x00", " ") + '"'


def is_damage(error: Exception) -> bool:
    """Return whether the error says that the file's content is broken."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return (
        code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        or isinstance(error, Damaged)
        or str(error).startswith("Could not decode to UTF-8")  # raised by Python, without a code
    )


def read_document(model: type[D], text: str) -> D:
    """Return the document that ``text`` keeps; raises ``Damaged`` where it is not valid."""
    try:
        return model.model_validate_json(text)
    except ValueError as error:
        raise Damaged(f"no {model.__name__} can be read from {str(text)[:60]!r}") from error
