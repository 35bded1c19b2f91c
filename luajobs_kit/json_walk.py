"""Walks over JSON values: their depth and size, their texts, and what in them is no JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from luajobs_kit.errors import InvalidInput

DEEPEST: Final = 64
"""Levels of lists and dicts in what people pass and jobs keep."""

_HALF_A_PAIR: Final = re.compile("[\ud800-\udfff]")
"""A lone surrogate: half of a UTF-16 pair, which Python's text may hold and UTF-8 may not."""

_CONTAINERS: Final = (dict, list, tuple)


def containers(value: Any) -> Iterator[tuple[Any, int]]:
    """Yield every dict, list and tuple in a value with its level, the outermost (level 1) first.

    It does not recurse, and one that contains itself is walked as long as the caller asks.
    """
    waiting = [(value, 1)] if isinstance(value, _CONTAINERS) else []
    while waiting:
        container, level = waiting.pop()
        yield container, level
        items = container.values() if isinstance(container, dict) else container
        waiting += [(item, level + 1) for item in items if isinstance(item, _CONTAINERS)]


def is_deeper(value: Any, levels: int) -> bool:
    """Return whether a value has more than so many levels of lists and dicts."""
    return any(level > levels for _, level in containers(value))


def map_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return a JSON value with every text in it changed, keys too; tuples become lists."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {map_texts(key, change): map_texts(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [map_texts(item, change) for item in value]
    return value


def check_json(value: Any, path: str, *, deepest: int = DEEPEST, largest: float = math.inf) -> int:
    """Return about how many characters of JSON a value takes.

    Raises ``InvalidInput`` with the path of the first value that JSON has no form for, that is
    nested deeper than ``deepest`` levels, or an integer of ``largest`` or more.
    """
    return _Walk(path, deepest, largest).size_of(value)


class _Walk:
    """Adds up sizes, and knows the path of the value it is at."""

    def __init__(self, path: str, deepest: int, largest: float) -> None:
        self._path = path
        self._deepest = deepest
        self._largest = largest
        self._trail: list[Any] = []  # the keys and indexes that lead to the present value

    @property
    def _here(self) -> str:
        return self._path + "".join([f"[{step!r}]" for step in self._trail])

    def size_of(self, value: Any) -> int:
        if len(self._trail) > self._deepest:
            raise too_deep(self._here, self._deepest)
        match value:
            case None | bool():
                return 5
            case str():
                check_text(value, self._here)
                return len(value) + 2
            case int() if abs(value) < self._largest:
                return value.bit_length() * 3 // 10 + 1
            case float() if math.isfinite(value):
                return 20
            case list() | tuple():
                return 2 + self._inside(enumerate(value))
            case Mapping():
                for key in value:
                    if not isinstance(key, str):
                        raise not_a_key(key, self._here)
                    check_text(key, f"a key of {self._here}")
                return 2 + sum(len(key) + 4 for key in value) + self._inside(value.items())
            case _:
                raise not_json(value, self._here)

    def _inside(self, items: Iterable[tuple[Any, Any]]) -> int:
        size = 0
        self._trail.append(None)
        for step, item in items:
            self._trail[-1] = step
            size += self.size_of(item)
        self._trail.pop()
        return size


def check_text(text: str, path: str) -> None:
    """Raise ``InvalidInput`` for text that UTF-8 has no form for."""
    if not text.isascii() and (half := _HALF_A_PAIR.search(text)):
        raise InvalidInput(
            f"{path} has half of a surrogate pair (U+{ord(half[0]):04X}, at {half.start()}), which "
            "UTF-8 has no form for; text.encode('utf-8', 'replace').decode() replaces it.",
            field=path,
        )


def not_a_key(key: Any, path: str) -> InvalidInput:
    """Return the refusal of a key that is not text."""
    return InvalidInput(
        f"{path} has the key {shortened(key)} of type {type(key).__name__}; JSON's keys are text: "
        "use str(key).",
        field=path,
    )


def too_deep(path: str, deepest: int) -> InvalidInput:
    """Return the refusal of a value inside more than ``deepest`` lists and dicts."""
    return InvalidInput(f"{path} is nested deeper than {deepest} levels.", field=path)


def not_an_object(value: Any, path: str) -> InvalidInput:
    """Return the refusal of what is to be a dict and is none."""
    return InvalidInput(
        f"{path} must be a dict, not {type(value).__name__} ({shortened(value)}).", field=path
    )


def not_json(value: Any, path: str) -> InvalidInput:
    """Return the refusal of a value that JSON has no form for, with a form that it has."""
    if isinstance(value, float):
        advice = "use None, or text such as 'inf'"
    elif isinstance(value, int):
        return InvalidInput(
            f"{path} is an integer of more than {value.bit_length() * 3 // 10:,} digits, which few "
            "readers of JSON take; give text, such as hex(value).",
            field=path,
        )
    elif isinstance(value, date):
        advice = "use value.isoformat()"
    elif callable(getattr(value, "model_dump", None)):
        advice = 'use value.model_dump(mode="json")'
    elif isinstance(value, set | frozenset):
        advice = "use sorted(value)"
    elif callable(getattr(value, "tolist", None)):  # numpy's scalars and arrays, pandas' Series
        advice = "use value.tolist()"
    elif callable(getattr(value, "to_dict", None)):  # pandas' DataFrame
        advice = 'use value.to_dict("records")'
    elif isinstance(value, bytes | bytearray):
        advice = (
            "use value.decode() where they are text, else base64.b64encode(value).decode(), which "
            "base64.b64decode(text) reads"
        )
    else:
        advice = "give text, a number, a list or a dict"
    return InvalidInput(
        f"{path} is {shortened(value)} of type {type(value).__name__}, which JSON has no form for; "
        f"{advice}.",
        field=path,
    )


def shortened(value: Any) -> str:
    """Return the beginning of a value's ``repr``, for a message; what has none has its type's name."""
    try:
        shown = repr(value)
    except Exception:  # noqa: BLE001 - whatever an object's own __repr__ raises, and long integers
        return f"<{type(value).__name__}>"
    return shown if len(shown) <= 60 else shown[:57] + "…"
