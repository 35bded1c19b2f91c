"""Lists, dicts and sets at the top of a job's source, and those that its run changed in place.

Each run begins with what the lines at the top give. What a run puts into such a list is gone when
it ends, which is easily taken for a fault of the next run's.

What is compared is a picture of the values, made of Python's own: an object of job code's is never
asked whether it is equal (attack class A1), but told by its identity.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from types import NoneType
from typing import Any, Final

MOST_PICTURED: Final = 100_000  # values of all of them; beyond, changes are not looked for
DEEPEST: Final = 50
_BY_VALUE: Final = {str, int, float, bool, bytes, NoneType}

Picture = tuple[Any, ...]


class _TooLarge(Exception):
    """There is more to picture than is worth the time."""


class ConstantsAtTop:
    """The containers that a source binds at its top, as they were before its function was called."""

    def __init__(self, space: dict[str, Any]) -> None:
        self._space = space
        self._before = self._pictures()

    def changed(self) -> list[str]:
        """Return the names of those that are no longer as they were."""
        after = self._pictures()
        return [name for name, before in self._before.items() if after.get(name, before) != before]

    def _pictures(self) -> dict[str, Picture]:
        pictures = {}
        left = [MOST_PICTURED]
        try:
            for name, value in _containers(self._space):
                pictures[name] = _picture(value, left, 0)
        except (_TooLarge, RuntimeError):  # RuntimeError: changed by another task meanwhile
            return {}
        return pictures


def _containers(space: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in [*dict.items(space)]:
        if type(value) is type:
            inside = type.__dict__["__dict__"].__get__(value)
            yield from (
                (f"{name}.{inner}", held)
                for inner, held in [*inside.items()]
                if inner[:1] != "_" and isinstance(held, list | dict | set | deque)
            )
        elif issubclass(type(value), list | dict | set | deque) and name[:2] != "__":
            yield name, value


def _picture(value: Any, left: list[int], depth: int) -> Picture:
    left[0] -= 1
    if left[0] < 0 or depth > DEEPEST:
        raise _TooLarge
    kind = type(value)
    if kind in _BY_VALUE:
        return (kind, repr(value) if kind is float else value)
    for base in (dict, list, tuple, set, frozenset, deque):
        if issubclass(kind, base):
            items = base.items(value) if base is dict else base.__iter__(value)
            parts = [_picture(each, left, depth + 1) for each in [*items]]
            return (base, frozenset(parts) if base in {set, frozenset} else tuple(parts))
    return (object, id(value))
