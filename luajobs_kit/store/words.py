"""Any text as an FTS5 query: each word a quoted phrase, so no character means anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import overload

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
