"""How large what people keep may be, and that it is JSON at all."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import Document
from luajobs_kit.store.entries import MOST_ANSWERED
from luajobs_kit.store.listing import too_large

DEEPEST: Final = 64  # levels of lists and dicts
MOST_VALUES: Final = 50_000  # in one object that is kept: each item of a list or a dict counts
_LARGEST: Final = 10**300  # of integers


class Answer:
    """Documents for one answer to job code: no more than are held and sent without harm."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []
        self._size = 0  # characters

    def add(self, documents: Iterable[Document]) -> list[dict[str, Any]]:
        """Add some, the newest first; return all. Raises ``InvalidInput`` for one too many."""
        for each in documents:
            self._size += len(each.model_dump_json(by_alias=True, exclude_none=True))
            if self._size > MOST_ANSWERED and self.documents:
                raise InvalidInput(too_large(len(self.documents), MOST_ANSWERED))
            self.documents.append(each.to_json())
        return self.documents


def check_object(value: dict[str, Any], path: str, most: int) -> None:
    """Raise ``InvalidInput`` for an object of more than ``most`` characters of JSON.

    Likewise for one of more than ``MOST_VALUES`` values, and, with its path, for the first value
    that JSON has no form for.
    """
    size = _Measure(path).size_of(value)
    if size > most:
        raise InvalidInput(
            f"{path} takes about {size:,} characters of JSON; {most:,} is the most. "
            f"Keep large data with Data.create(...) and put its id into {path}.",
            field=path,
        )


def check_values(value: Any, path: str, advice: str) -> None:
    """Raise ``InvalidInput``, with the ``advice``, for more than ``MOST_VALUES`` in some JSON.

    Every item of a list or a dict counts, however small: each is looked at when it is kept,
    while others wait.
    """
    left = [value]
    seen = 1
    while left:
        each = left.pop()
        inside = each.values() if isinstance(each, dict) else each
        if not isinstance(each, dict | list | tuple):
            continue
        seen += len(each)
        if seen > MOST_VALUES:
            raise InvalidInput(
                f"{path} has more than {MOST_VALUES:,} values. {advice}.", field=path
            )
        left += [item for item in inside if isinstance(item, dict | list | tuple)]


def _too_many(path: str, advice: str) -> InvalidInput:
    return InvalidInput(f"{path} has more than {MOST_VALUES:,} values. {advice}.", field=path)


class _Measure:
    """Adds up how much JSON a value takes, knowing where in it the present one stands."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._trail: list[Any] = []  # the keys and indexes that lead to it
        self._values = 0

    @property
    def where(self) -> str:
        return self._path + "".join([f"[{step!r}]" for step in self._trail])

    def size_of(self, value: Any) -> int:
        """Return about how many characters it takes. Raises ``InvalidInput``."""
        if len(self._trail) > DEEPEST:
            where = self.where
            raise InvalidInput(f"{where} is nested deeper than {DEEPEST} levels.", field=where)
        self._values += 1
        if self._values > MOST_VALUES:
            advice = f"Keep large data with Data.create(...) and put its id into {self._path}"
            raise _too_many(self._path, advice)
        match value:
            case None | bool():
                return 5
            case str():
                return len(value) + 2
            case int():
                return len(str(value)) if abs(value) < _LARGEST else _refuse(value, self.where)
            case float():
                return 20 if math.isfinite(value) else _refuse(value, self.where)
            case list() | tuple():
                return 2 + self._inside(enumerate(value))
            case dict():
                for key in value:
                    if not isinstance(key, str):
                        where = self.where
                        raise InvalidInput(
                            f"{where} has the key {key!r} of type {type(key).__name__}; "
                            "JSON's keys are text.",
                            field=where,
                        )
                return 2 + sum(len(key) + 4 for key in value) + self._inside(value.items())
            case _:
                return _refuse(value, self.where)

    def _inside(self, items: Iterable[tuple[Any, Any]]) -> int:
        size = 0
        self._trail.append(None)
        for step, item in items:
            self._trail[-1] = step
            size += self.size_of(item)
        self._trail.pop()
        return size


def _refuse(value: Any, path: str) -> int:
    advice = (
        "use value.isoformat()"
        if isinstance(value, datetime)
        else "give text, a number, a list or a dict"
    )
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "…"
    raise InvalidInput(
        f"{path} is {shown} of type {type(value).__name__}, which JSON has no form for; {advice}.",
        field=path,
    )
