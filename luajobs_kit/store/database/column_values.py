"""Times as SQLite keeps them: whole microseconds since 1970, so that order and equality are exact."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar, overload

from luajobs_kit.model import Document

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_micros(when: datetime) -> int:
    """Return ``when`` in microseconds since 1970."""
    return (when - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the aware UTC time that ``to_micros`` made ``micros`` from."""
    return _EPOCH + timedelta(microseconds=micros)


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


# What FTS5's unicode61 tokenizer keeps, nearly: letters and digits. The underscore parts words.
_TOKEN = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Words:
    """A search of several words that must all occur."""

    match: str | None  # FTS5's expression; None when no word has a letter or a digit
    literals: list[str]  # words of punctuation only, which the index does not hold


def matching_all(text: str) -> Words:
    """Return the search for every word of ``text``, in any order."""
    words = list(dict.fromkeys(utf8(word) for word in text.split()))
    indexed = [word for word in words if _TOKEN.search(word)]
    return Words(
        match=" AND ".join(map(phrase, indexed)) or None,
        literals=[word for word in words if not _TOKEN.search(word)],
    )


def phrase(word: str) -> str:
    """Return ``word`` as FTS5's quoted phrase: ``T-1001`` is "T" directly followed by "1001"."""
    return '"' + word.replace('"', '""').replace("\x00", " ") + '"'


@overload
def utf8(text: str) -> str: ...
@overload
def utf8(text: None) -> None: ...
def utf8(text: str | None) -> str | None:
    """Return ``text`` as SQLite can keep it: half a surrogate pair becomes a question mark."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


MOST_LISTED: Final = 32 * 2**20
"""Characters of JSON in one listing: the 100 messages of a panel fit, at their largest, too."""


def fitting(model: type[D], rows: sqlite3.Cursor, most: int) -> tuple[list[D], bool]:
    """Return as many documents as ``most`` characters hold, at least one; and whether it is all."""
    found: list[D] = []
    size = 0
    for (text,) in rows:
        document = read_document(model, text)
        size += len(text)
        if size > most and found:
            return found, False
        found.append(document)
    return found, True


def too_large(
    fits: int, most: int, *, which: str = "newest {}", advice: str = "ask for less: limit={}"
) -> str:
    """Say that more was asked for than is answered, how many fit, and how to ask for them.

    In ``which`` and ``advice``, ``{}`` stands for how many.
    """
    return (
        f"The {which.format(fits)} take {most // 2**20} MB, which is all that is answered at once; "
        f"{advice.format(fits)}."
    )
