"""How much is listed at once: documents are bounded together, for each may hold megabytes."""

from __future__ import annotations

import sqlite3
from typing import Final, TypeVar

from luajobs_kit.model import Document
from luajobs_kit.store.broken import read_document

MOST_LISTED: Final = 32 * 2**20
"""Characters of JSON in one listing: the 100 messages of a panel fit, at their largest, too."""

D = TypeVar("D", bound=Document)


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
