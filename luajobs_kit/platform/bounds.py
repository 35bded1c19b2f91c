"""How large what people keep may be, and that it is JSON at all."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import Document
from luajobs_kit.store.entries import MOST_ANSWERED
from luajobs_kit.store.listing import too_large

DEEPEST: Final = 64  # levels of lists and dicts
_TOO_LARGE: Final = 10**300  # a number


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
                self._size += len(each.model_dump_json(by_alias=True, exclude_none=True))
                if self._size > MOST_ANSWERED and self.documents:
                    fits = len(self.documents)
                    raise InvalidInput(too_large(fits, MOST_ANSWERED, **self._words))
            self.documents.append(each.to_json())
            await asyncio.sleep(0)
        return self.documents


def check_object(value: dict[str, Any], path: str, most: int) -> None:
    """Raise ``InvalidInput`` for an object of more than ``most`` characters of JSON.

    Likewise, with its path, for the first value that JSON has no form for.
    """
    size = _plain_size(value)
    if size is None:  # something is no JSON, or nearly none: it is looked for again, for its path
        size = _json_size(value, path, depth=0)
    if size > most:
        raise InvalidInput(
            f"{path} takes about {size:,} characters of JSON; {most:,} is the most. "
            f"Keep large data with Data.create(...) and put its id into {path}.",
            field=path,
        )


def _plain_size(value: dict[str, Any]) -> int | None:
    """Return about how many characters a value takes; None for what is not plain JSON, or too deep.

    In a quarter of the time of ``_json_size``, which knows where it is.
    """
    size = 0
    level: list[Any] = [value]  # all lists and objects of one depth
    for _ in range(DEEPEST + 1):
        below: list[Any] = []
        for one in level:
            size += 2
            items = one
            if type(one) is dict:
                if any(type(key) is not str for key in one):
                    return None
                size += sum(map(len, one)) + 4 * len(one)
                items = one.values()
            for item in items:
                kind = type(item)
                if kind is str:
                    size += len(item) + 2
                elif kind is dict or kind is list:
                    below.append(item)
                elif (own := _number_size(item)) is not None:
                    size += own
                else:
                    return None
        if not below:
            return size
        level = below
    return None


def _number_size(value: Any) -> int | None:
    if value is None or value is True or value is False:
        return 5
    if type(value) is int and -_TOO_LARGE < value < _TOO_LARGE:  # as text, some take a minute
        return len(str(value))
    if type(value) is float and math.isfinite(value):
        return 20
    return None


def _json_size(value: Any, path: str, *, depth: int) -> int:
    if depth > DEEPEST:
        raise InvalidInput(f"{path} is nested deeper than {DEEPEST} levels.", field=path)
    match value:
        case None | bool():
            return 5
        case str():
            return len(value) + 2
        case int():
            return len(str(value)) if abs(value) < _TOO_LARGE else _refuse(value, path)
        case float():
            return 20 if math.isfinite(value) else _refuse(value, path)
        case list() | tuple():
            return 2 + sum(
                _json_size(item, f"{path}[{index}]", depth=depth + 1)
                for index, item in enumerate(value)
            )
        case dict():
            for key in value:
                if not isinstance(key, str):
                    raise InvalidInput(
                        f"{path} has the key {key!r} of type {type(key).__name__}; "
                        "JSON's keys are text.",
                        field=path,
                    )
            return 2 + sum(
                len(key) + 4 + _json_size(item, f"{path}[{key!r}]", depth=depth + 1)
                for key, item in value.items()
            )
        case _:
            return _refuse(value, path)


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
