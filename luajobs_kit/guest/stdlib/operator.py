"""``attrgetter`` and ``methodcaller``, which read attributes through the guards."""

from __future__ import annotations

import functools
from typing import Any

from luajobs_kit.guest.guards.read import read
from luajobs_kit.guest.guards.sealed import Frozen


class attrgetter(Frozen):  # noqa: N801  # stands in for operator.attrgetter
    __slots__ = ("_paths",)

    def __init__(self, *attributes: str) -> None:
        if not attributes or any(type(each) is not str for each in attributes):
            raise TypeError("attribute name must be a string")
        self._paths = [each.split(".") for each in attributes]

    def __call__(self, value: Any, /) -> Any:
        found = tuple(functools.reduce(read, path, value) for path in self._paths)
        return found[0] if len(found) == 1 else found


class methodcaller(Frozen):  # noqa: N801  # stands in for operator.methodcaller
    __slots__ = ("_args", "_keywords", "_name")

    def __init__(self, name: str, /, *args: Any, **keywords: Any) -> None:
        if type(name) is not str:
            raise TypeError("method name must be a string")
        self._name, self._args, self._keywords = name, args, keywords

    def __call__(self, value: Any, /) -> Any:
        return read(value, self._name)(*self._args, **self._keywords)
