"""Calls of the kit's methods by job code.

Wrong arguments are answered as they are in a notebook. In a function that is not async, which cannot
await, a call waits for its answer and returns it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import CoroutineType, FunctionType
from typing import Any, TypeVar

from luajobs_kit.argument_help import misnamed, takes
from luajobs_kit.guest.guards.ownership import class_dict
from luajobs_kit.guest.runtime.run import current

C = TypeVar("C", bound=type)


def spoken_as(spoken: str) -> Callable[[C], C]:
    """Have wrong arguments of a class's public methods answered with the right ones.

    ``spoken`` is what examples call an instance. The answer is ``InvalidInput``.
    """

    def decorate(kind: C) -> C:
        for name, member in list(class_dict(kind).items()):
            if name.startswith("_"):
                continue
            if type(member) is staticmethod:
                made: Any = staticmethod(_helped(f"{spoken}.{name}", member.__func__))
            elif type(member) is FunctionType:
                made = _helped(f"{spoken}.{name}", member)
            else:
                continue
            type.__setattr__(kind, name, made)
        return kind

    return decorate


def settled(answer: Any) -> Any:
    """Return what a call gives: outside the loop, as in a plain ``def``, its answer, waited for."""
    loop = current().loop
    if type(answer) is CoroutineType and not loop.running:
        return loop.run(answer)
    return answer


def _helped(call: str, function: Any) -> Callable[..., Any]:
    @wraps(function)
    def checked(*given: Any, **options: Any) -> Any:
        try:
            return settled(function(*given, **options))
        except TypeError as problem:
            # A5: a keyword may be of a subclass of str, whose methods must not be asked.
            named = {str.__str__(name): value for name, value in options.items()}
            if takes(function, given, named):
                raise  # it comes from within
            raise misnamed(call, function, named, problem) from None

    return checked
