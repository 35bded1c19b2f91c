"""What ``vars()`` and ``.__dict__`` give of job code's own objects."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from luajobs_kit.guest.guards.sealed import Given, make

_MISSING: Any = object()


class Held(Given, dict[str, Any]):
    """An object's attributes as they are now; what is written here is set on the object, too.

    The object's real dictionary would take any name, and the library looks there for some.
    """

    __slots__ = ("_check", "_real")

    def __init__(self, real: dict[str, Any], check: Callable[[str], Any]) -> None:
        super().__init__(real)
        self._real = real
        self._check = check  # raises for a name that is not to be set

    def __setitem__(self, name: str, value: Any) -> None:
        self._check(name)
        self._real[name] = value
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._real.pop(name, None)

    def __ior__(self, other: Any) -> Any:  # type: ignore[misc]  # `|` gives a plain dict
        self.update(other)
        return self

    def update(self, *given: Any, **named: Any) -> None:
        for name, value in dict(*given, **named).items():
            self[name] = value

    def setdefault(self, name: str, default: Any = None) -> Any:
        if name not in self:
            self[name] = default
        return self[name]

    def pop(self, name: str, default: Any = _MISSING) -> Any:
        if default is not _MISSING and name not in self:
            return default
        value = self[name]
        del self[name]
        return value

    def popitem(self) -> tuple[str, Any]:
        name, value = super().popitem()
        self._real.pop(name, None)
        return name, value

    def clear(self) -> None:
        for name in list(self):
            del self[name]

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return copy.deepcopy(dict(self), memo)


def held_in(real: dict[str, Any], check: Callable[[str], Any]) -> Held:
    return make(Held, real, check)
