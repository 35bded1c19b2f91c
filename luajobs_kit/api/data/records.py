"""Records of the engine as objects: fields are attributes, and pages are lists."""

from __future__ import annotations

from collections.abc import Iterator, KeysView, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from luajobs_kit.api._html import table
from luajobs_kit.errors import NotAllowed
from luajobs_kit.model import Pagination
from luajobs_kit.page_bounds import MOST_PAGES, check_count
from luajobs_kit.record import not_kept, read_only


class Attributes:
    """``it.title`` is ``it.data["title"]``, unless its class has a ``title`` of its own."""

    _noun: ClassVar[str]
    _id: str
    _data: dict[str, Any]

    @property
    def id(self) -> str:
        return self._id

    @property
    def data(self) -> dict[str, Any]:
        """The stored fields; an assigned field is stored by ``save()``."""
        return self._data

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._data[name]
        except KeyError:
            raise AttributeError(not_kept(self._noun, self._id, name, self._data)) from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            super().__setattr__(name, value)
        elif hasattr(type(self), name):
            raise NotAllowed(read_only(self._noun, name))
        else:
            self._data[name] = value


class Fields(Attributes):
    """``it["title"]`` is ``it.data["title"]`` too; ``dict(it)`` are its own fields as JSON."""

    def _own(self) -> dict[str, Any]:
        """Return what it has as JSON, ``data`` among it where that is a part."""
        return self._data

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or ``default`` when there is none of that name."""
        own = self._own()
        return own[name] if name in own else self._data.get(name, default)

    def keys(self) -> KeysView[str]:
        """Return the names of its own fields."""
        return self._own().keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self._own())

    def __len__(self) -> int:
        return len(self._own())

    def __getitem__(self, name: str) -> Any:
        own = self._own()
        return own[name] if name in own else self._data[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._data[name] = value

    def __contains__(self, name: object) -> bool:
        return name in self._own() or name in self._data


F = TypeVar("F", bound=Fields)
T = TypeVar("T")


class Page(Generic[F]):
    """A page: iterated like a list; ``data`` is that list, ``pagination`` where it stands."""

    _nouns: ClassVar[str]

    def __init__(self, data: list[F], pagination: Pagination) -> None:
        self.data = data
        self.pagination = pagination

    def __iter__(self) -> Iterator[F]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> F:
        return self.data[index]

    def __repr__(self) -> str:
        page = self.pagination
        return (
            f"<page {page.current_page} of {page.total_pages}, "
            f"{len(self.data)} of {page.total_count} {self._nouns}: {self.data!r}>"
        )

    def _repr_html_(self) -> str:
        names = list(dict.fromkeys(name for one in self.data for name in one.data if name != "id"))
        rows = [[one.id, *(one.data.get(name) for name in names)] for one in self.data]
        page = self.pagination
        note = f"page {page.current_page} of {page.total_pages}, {page.total_count} in all"
        return table(["id", *names], rows, note=note)


def paged(items: Sequence[T], limit: int | None, page: int) -> list[T]:
    """Return all ``items``, or with ``limit`` the page of that number, counted from 1.

    Raises ``InvalidInput`` for a limit outside 1 to 1000, or for what is no page.
    """
    if limit is None and page == 1:
        return list(items)
    limit = 10 if limit is None else limit
    check_count(limit)
    check_count(page, "page", MOST_PAGES)
    return list(items[(page - 1) * limit : page * limit])
