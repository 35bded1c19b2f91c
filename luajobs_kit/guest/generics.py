"""Typing's generics keep nothing of what they were asked for, and copy none but themselves.

They look it up by comparing: an argument of a job's class that has the right hash would be
shown those of others, and the classes of those, ``type`` itself among them. And what copies
them is shown to what their method is compared with: it would make one that stands for anything.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any, Final

from luajobs_kit.guest.frozen import for_instances

_library: Any = typing  # with the names it keeps to itself
_LOOKING_UP: Final[CodeType] = _library._SpecialForm.__getitem__.__code__  # noqa: SLF001  # of all that do


def install() -> None:
    """Have everything made anew whenever it is asked for, in this process."""
    for kind in _kinds():
        if type(vars(kind).get("copy_with")) is FunctionType:
            setattr(kind, "copy_with", for_instances(vars(kind)["copy_with"], kind))  # noqa: B010  # mypy does not know it
    kept: Any = getattr(typing, "_caches", None)
    if kept is not None:
        kept.update({function: function for function in kept})
        return
    for function in _looking_up():  # Python 3.11
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        cells["cached"].cell_contents = cells["func"].cell_contents


def _kinds() -> list[type]:
    return [each for each in vars(typing).values() if isinstance(each, type)]


def _looking_up() -> Iterator[FunctionType]:
    methods = [each for kind in _kinds() for each in vars(kind).values()]
    for each in (_library.Literal._getitem, *methods):  # noqa: SLF001  # likewise
        function = getattr(each, "__func__", each)  # a class method's
        if type(function) is FunctionType and function.__code__ is _LOOKING_UP:
            yield function
