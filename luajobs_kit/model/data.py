"""Entries of the Data and Products stores, and Lua's pages."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field

from luajobs_kit.model._document import Document, Instant


class Pagination(Document):
    """Lua's pagination object; pages count from 1."""

    current_page: int
    total_pages: int
    total_count: int
    limit: int
    has_next_page: bool
    has_prev_page: bool
    next_page: int | None = None
    prev_page: int | None = None

    @classmethod
    def of(cls, *, page: int, limit: int, total: int) -> Self:
        pages = max(1, -(-total // limit))
        return cls(
            current_page=page,
            total_pages=pages,
            total_count=total,
            limit=limit,
            has_next_page=page < pages,
            has_prev_page=page > 1,
            next_page=page + 1 if page < pages else None,
            prev_page=min(page - 1, pages) if page > 1 else None,
        )


class Entry(Document):
    """One object kept in a collection; ``score`` (0 to 1) only in the answer to a search."""

    id: str
    collection: str
    data: dict[str, Any]
    search_text: str | None = None
    created_at: Instant
    updated_at: Instant
    score: float | None = None


class EntryPage(Document):
    data: list[Entry] = Field(default_factory=list)
    pagination: Pagination
