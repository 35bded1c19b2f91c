"""Bounds of one listing: how many characters of JSON are answered at once, and the advice beyond."""

from __future__ import annotations

import sqlite3
from typing import Final, TypeVar

from luajobs_kit.model import Document
from luajobs_kit.store.database.column_values import read_document

D = TypeVar("D", bound=Document)

MOST_ANSWERED: Final = 4 * 2**20
"""Characters of JSON in one answer to job code, and in one page of entries."""

MOST_LISTED: Final = 32 * 2**20
"""Characters of JSON in any other listing: a panel's 100 messages fit, at their largest, too."""


def read_while_fitting(model: type[D], rows: sqlite3.Cursor, most: int) -> tuple[list[D], bool]:
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
