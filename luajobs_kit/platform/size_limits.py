"""Bounds of what people keep: how large it may be, and that it is JSON at all."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from typing import Any, Final

from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import DEEPEST, check_json, containers
from luajobs_kit.model import Document
from luajobs_kit.store.listing import MOST_ANSWERED, too_large

MOST_VALUES: Final = 20_000  # in one object that is kept: each item of a list or a dict counts
_LARGEST: Final = 10**300  # of integers
_CONTAINERS: Final = (dict, list, tuple)


class Answer:
    """Documents for one answer to job code: no more than are held and sent without harm.

    Unless it is ``bounded``, any number is taken. ``words`` are the error's, where more is asked for
    (see ``too_large``).
    """

    def __init__(self, *, bounded: bool = True, **words: str) -> None:
        self.documents: list[dict[str, Any]] = []
        self._bounded = bounded
        self._words = words
        self._size = 0  # characters

    async def add(self, documents: Iterable[Document]) -> list[dict[str, Any]]:
        """Add some, in order; return all. Raises ``InvalidInput`` for one too many.

        Each is measured before it is added, and the loop has its turn in between.
        """
        for each in documents:
            if self._bounded:
                self._size += len(each.model_dump_json(by_alias=True))
                if self._size > MOST_ANSWERED and self.documents:
                    fits = len(self.documents)
                    raise InvalidInput(too_large(fits, MOST_ANSWERED, **self._words))
            self.documents.append(each.to_json(nones=True))
            await asyncio.sleep(0)
        return self.documents


def check_object(value: dict[str, Any], path: str, most: int) -> None:
    """Raise ``InvalidInput`` for an object of more than ``most`` characters of JSON.

    Likewise for one of more than ``MOST_VALUES`` values, and, with its path, for the first value
    that JSON has no form for.
    """
    size = _plain_size(value, path) or check_json(value, path, largest=_LARGEST)
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
    values = 1
    for container, _ in containers(value):
        values += len(container)
        if values > MOST_VALUES:
            raise _too_many(path, advice)


def _too_many(path: str, advice: str) -> InvalidInput:
    return InvalidInput(f"{path} has more than {MOST_VALUES:,} values. {advice}.", field=path)


def _plain_size(value: dict[str, Any], path: str) -> int | None:  # noqa: PLR0912  # a branch a kind
    """Return about how many characters plain JSON takes, or None where it must be looked at closer.

    Almost all of it is plain, and this takes a tenth of the time. Raises ``InvalidInput`` for
    too many values.
    """
    size, values = 0, 1
    left: list[tuple[Any, int]] = [(value, 0)]
    while left:
        each, depth = left.pop()
        size += 2
        values += len(each) if type(each) in _CONTAINERS else 0
        if values > MOST_VALUES:
            raise _too_many(path, f"Keep large data with Data.create(...) and its id in {path}")
        if type(each) is dict:
            if depth > DEEPEST or any(type(key) is not str for key in each):
                return None
            size += sum(map(len, each)) + 4 * len(each)
            items: Iterable[Any] = each.values()
        elif type(each) is list and depth <= DEEPEST:
            items = each
        else:
            return None
        for item in items:
            kind = type(item)
            if kind is str:
                size += len(item) + 2
            elif kind in _CONTAINERS:
                left.append((item, depth + 1))
            elif kind is float and math.isfinite(item):
                size += 20
            elif kind is int and abs(item) < _LARGEST:
                size += len(str(item))
            elif item is None or kind is bool:
                size += 5
            else:
                return None
    return size
