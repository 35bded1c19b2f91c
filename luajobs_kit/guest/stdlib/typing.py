"""Our versions of decorators that mark what they are given by an attribute they set.

The library's mark anything, and would write to classes and functions of the host's.
"""

from __future__ import annotations

import abc
import functools
import typing
from collections.abc import Callable
from typing import Any, Final, NoReturn

from luajobs_kit.guest.methods import ClassMethod
from luajobs_kit.guest.saying import title
from luajobs_kit.guest.stdlib.functools import is_own, stands_for_own

_DESCRIPTORS: Final = (property, ClassMethod, staticmethod)


def _marks(library: Callable[[Any], Any], otherwise: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the library's decorator for what is job code's own, ``otherwise`` for the rest."""

    @functools.wraps(library)
    def decorator(given: Any) -> Any:
        mine = is_own(given) or stands_for_own(given)
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
