"""Typing's generics keep nothing of what they were asked for.

They look it up by comparing: an argument of a job's class that has the right hash would be
shown those of others, and the classes of those, ``type`` itself among them.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any, Final

from luajobs_kit.guest.stdlib.patch import CACHE, Patch

_library: Any = typing  # with the names it keeps to itself
_LOOKING_UP: Final[CodeType] = _library._SpecialForm.__getitem__.__code__  # noqa: SLF001  # of all that do


def _asked_anew(known: Any) -> Any:
    """Return typing's table of what keeps, by function, with the function itself in its place."""
    return {function: function for function in known}


def _looked_up_anew(known: Any) -> Any:
    """Have everything made anew whenever it is asked for: Python 3.11 keeps it in closures."""
    for function in _looking_up():
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        cells["cached"].cell_contents = cells["func"].cell_contents
    return known


def _kinds() -> list[type]:
    found = dict.fromkeys(each for each in vars(typing).values() if isinstance(each, type))
    return [each for each in found if each.__module__ == "typing"]


def _looking_up() -> Iterator[FunctionType]:
    methods = [each for kind in _kinds() for each in vars(kind).values()]
    for each in (_library.Literal._getitem, *methods):  # noqa: SLF001  # likewise
        function = getattr(each, "__func__", each)  # a class method's
        if type(function) is FunctionType and function.__code__ is _LOOKING_UP:
            yield function


PATCHES: Final = (
    Patch(
        "typing:_tp_cache",
        CACHE,
        "making: is shown the real type by what typing made before",
        _looked_up_anew,
        until=(3, 11),
    ),
    Patch(
        "typing:_caches",
        CACHE,
        "making: is shown the real type by what typing made before",
        _asked_anew,
        since=(3, 12),
    ),
)
