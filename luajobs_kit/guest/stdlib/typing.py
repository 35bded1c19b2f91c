"""Decorators of ``typing`` and ``abc`` that mark what they decorate, and ``typing`` without caches.

A7: the library's decorators set an attribute on anything, also on the host's classes and functions.
A2: typing caches subscripted generics in dictionaries. A job's object with a chosen ``__hash__`` and
its own ``__eq__`` would be compared with other callers' keys and so get hold of them (A1).
"""

from __future__ import annotations

import abc
import functools
import typing
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any, Final, NoReturn

from luajobs_kit.guest.guards.ownership import is_own, title
from luajobs_kit.guest.guards.type_object import ClassMethod
from luajobs_kit.guest.stdlib.functools import wraps_own_function

_DESCRIPTORS: Final = (property, ClassMethod, staticmethod)


def _marks(library: Callable[[Any], Any], otherwise: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the library's decorator for what is job code's own, ``otherwise`` for the rest."""

    @functools.wraps(library)
    def decorator(given: Any) -> Any:
        mine = is_own(given) or wraps_own_function(given)
        return library(given) if mine else otherwise(given)

    return decorator


def _not_abstract(given: Any) -> NoReturn:
    advice = "; put @abstractmethod below it" if type(given) in _DESCRIPTORS else ""
    raise AttributeError(f"{title(given)}: abstractmethod is for functions of your own{advice}")


def _not_checkable(given: Any) -> NoReturn:
    raise TypeError(f"runtime_checkable is for protocols of your own, not for {title(given)}")


def _as_it_is(given: Any) -> Any:
    return given


abstractmethod = _marks(abc.abstractmethod, _not_abstract)
final = _marks(typing.final, _as_it_is)
override = _marks(getattr(typing, "override", _as_it_is), _as_it_is)  # not in Python 3.11
runtime_checkable = _marks(typing.runtime_checkable, _not_checkable)


_library: Any = typing  # with the names it keeps to itself
_LOOKING_UP: Final[CodeType] = _library._SpecialForm.__getitem__.__code__  # noqa: SLF001  # of all that do


def without_caches(known: Any) -> Any:
    """Return typing's table of cached functions with each function itself as its cache."""
    return {function: function for function in known}


def without_closures(known: Any) -> Any:
    """Take the caches out of the closures in which Python 3.11 keeps them."""
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
