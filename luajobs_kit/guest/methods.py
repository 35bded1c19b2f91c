"""Our versions of what makes methods of other functions: ``functools`` keeps descriptors there.

The library's would call whatever they were made of, bound to whatever asks for it. Ours take
what a class body can hold as a method, and bind it as Python itself would.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any

from luajobs_kit.guest.guards.ownership import own
from luajobs_kit.guest.guards.sealed import Frozen, closed
from luajobs_kit.guest.saying import title
from luajobs_kit.guest.stdlib.functools import singledispatch


class ClassMethod(classmethod):  # type: ignore[type-arg]  # of any function
    """What job code knows as ``classmethod``.

    Methods are compared by the functions they were made of. An object of a job's own, which says
    itself what it equals, would be shown the function of whatever method it is compared with.
    """

    def __init__(self, function: Any) -> None:
        super().__init__(closed(function) if own.is_instance(function) else function)


ClassMethod.__name__ = ClassMethod.__qualname__ = "classmethod"
ClassMethod.__module__ = "builtins"


def _bound(method: Any, instance: Any, owner: Any) -> Callable[..., Any]:
    """Return what reading ``method`` from a class, or from an instance of it, would give."""
    if own.is_function(method):
        return method if instance is None else MethodType(method, instance)
    return method.__get__(instance, owner)  # type: ignore[no-any-return]


def _is_method(value: Any) -> bool:
    return own.is_function(value) or (
        type(value) in {ClassMethod, staticmethod} and own.is_function(value.__func__)
    )


class singledispatchmethod(Frozen):  # noqa: N801  # stands in for functools.singledispatchmethod
    """A method that dispatches on the class of its first argument after ``self``."""

    __slots__ = ("_dispatching",)

    def __init__(self, function: Any) -> None:
        if not _is_method(function):
            raise TypeError(f"singledispatchmethod decorates a method, not {title(function)}")
        self._dispatching = singledispatch(function)

    @property
    def register(self) -> Any:
        return self._dispatching.register

    def __get__(self, instance: Any, owner: Any = None) -> Callable[..., Any]:
        dispatch = self._dispatching.dispatch

        def method(*args: Any, **keywords: Any) -> Any:
            if not args:
                raise TypeError("a singledispatchmethod requires at least 1 positional argument")
            found = dispatch(type(args[0]))
            if not _is_method(found):
                raise TypeError(f"a method is registered with a function, not {title(found)}")
            return _bound(found, instance, owner)(*args, **keywords)

        return method


class partialmethod(Frozen):  # noqa: N801  # stands in for functools.partialmethod
    """A method that calls another with some arguments given."""

    __slots__ = ("_args", "_function", "_keywords")

    def __init__(self, function: Any, /, *args: Any, **keywords: Any) -> None:
        if not _is_method(function):
            raise TypeError(f"partialmethod is made of a method, not of {title(function)}")
        self._function, self._args, self._keywords = function, args, keywords

    def __get__(self, instance: Any, owner: Any = None) -> Callable[..., Any]:
        is_bound = instance is not None or not own.is_function(self._function)
        function = _bound(self._function, instance, owner)

        def method(*args: Any, **keywords: Any) -> Any:
            first, rest = ((), args) if is_bound else (args[:1], args[1:])
            return function(*first, *self._args, *rest, **{**self._keywords, **keywords})

        return method
