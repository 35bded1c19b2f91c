"""JSON written in pieces, so that writing much of it never holds up the loop for long."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

AT_ONCE: Final = 10_000
"""The weight written at once, a few milliseconds: a value weighs 1, a text 1 more for each fifty characters."""
HEAVY: Final = 2_000  # of the same weight; a text of 100,000 characters has it
_CHARACTERS: Final = 50
_CONTAINERS: Final = (dict, list, tuple)

_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode  # fmt: skip


def pieces(value: Any) -> Iterator[str]:
    """Yield the JSON of a plain value in pieces that, joined, are the whole."""
    if not isinstance(value, _CONTAINERS) or _weight(value, AT_ONCE) <= AT_ONCE:
        yield _encode(value)
        return
    is_object = isinstance(value, dict)
    begin, end = ("{", "}") if is_object else ("[", "]")
    items: Iterable[Any] = value.items() if isinstance(value, dict) else value
    held: list[Any] = []  # items that together are written at once
    weight = 0
    for item in items:
        own = _weight(item[1] if is_object else item, AT_ONCE)
        if held and weight + own > AT_ONCE:
            yield begin + _inside(held, is_object=is_object)
            begin, held, weight = ",", [], 0
        if own > AT_ONCE:
            yield begin + (f"{_encode(str(item[0]))}:" if is_object else "")
            yield from pieces(item[1] if is_object else item)
            begin = ","
        else:
            held.append(item)
            weight += own
    yield (begin + _inside(held, is_object=is_object) if held else "") + end


def is_heavy(value: Any) -> bool:
    """Return whether a plain value is large: what is done with it takes milliseconds."""
    return _weight(value, HEAVY) > HEAVY


def _inside(items: list[Any], *, is_object: bool) -> str:
    return _encode(dict(items) if is_object else items)[1:-1]


def _weight(value: Any, most: int) -> int:
    """Return what a value weighs, or as soon as it is more than ``most``, something above that."""
    if type(value) is str:
        return 1 + len(value) // _CHARACTERS
    if not isinstance(value, _CONTAINERS):
        return 1
    weight = 1
    waiting = [value]  # the lists and objects to be looked into
    while waiting:
        one = waiting.pop()
        weight += len(one)
        if weight > most:
            return weight
        for item in one.values() if isinstance(one, dict) else one:
            if type(item) is str:
                weight += len(item) // _CHARACTERS
            elif isinstance(item, _CONTAINERS):
                waiting.append(item)
    return weight
