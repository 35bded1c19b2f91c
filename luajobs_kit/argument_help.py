"""What a person hears who calls one of our functions with an argument it does not have."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from difflib import get_close_matches
from functools import wraps
from typing import Any, TypeVar, cast

from luajobs_kit.errors import InvalidInput

F = TypeVar("F", bound=Callable[..., Any])


def helping(function: F) -> F:
    """Have wrong arguments answered with the right ones, as ``InvalidInput``."""

    @wraps(function)
    def called(*given: Any, **options: Any) -> Any:
        try:
            return function(*given, **options)
        except TypeError as problem:
            try:
                inspect.signature(function).bind(*given, **options)
            except TypeError:
                raise misnamed(function.__name__, function, options, problem) from None
            raise  # the arguments are right: it is about something else

    return cast("F", called)


def misnamed(
    call: str, function: Callable[..., Any], options: dict[str, Any], problem: TypeError
) -> InvalidInput:
    """Return what to say of a call whose arguments ``function`` does not take."""
    names = [name for name in inspect.signature(function).parameters if name != "self"]
    takes = f"it takes {', '.join(names)}" if names else "it takes nothing"
    for wrong in options:
        if wrong not in names:
            close = get_close_matches(wrong.lower(), names, n=1, cutoff=0.5)
            meant = f" did you mean {close[0]}?" if close else ""
            return InvalidInput(f"{call} has no {wrong!r};{meant} {takes}.", field=wrong)
    said = str(problem).partition("() ")[2] or str(problem)
    return InvalidInput(f"{call} {said}; {takes}.")
