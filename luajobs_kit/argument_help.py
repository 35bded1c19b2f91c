"""Help with names that do not exist: the nearest one that does, and a call's right arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import wraps
from typing import Any, TypeVar, cast

from luajobs_kit.calendar_units import instead_of_unit
from luajobs_kit.errors import InvalidInput

F = TypeVar("F", bound=Callable[..., Any])


def nearest(wrong: str, names: Iterable[str], *, most: int = 1, cutoff: float = 0.6) -> list[str]:
    """Return the ``names`` that ``wrong`` may have been meant as, the likeliest first; case is ignored.

    At most so many; ``cutoff`` is the least likeness, from 0 to 1.
    """
    known = {name.lower(): name for name in names}
    return [known[each] for each in get_close_matches(wrong.lower(), known, n=most, cutoff=cutoff)]


def did_you_mean(wrong: str, names: Iterable[str], *, most: int = 1, cutoff: float = 0.6) -> str:
    """Return " Did you mean 'this'?" with the nearest of ``names``, or nothing where none is near."""
    near = nearest(wrong, names, most=most, cutoff=cutoff)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


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
    for wrong, value in options.items():
        if wrong not in names:
            if advice := instead_of_unit(call, wrong, value):
                return InvalidInput(f"{call} has no {wrong!r}; {advice}.", field=wrong)
            close = nearest(wrong, names, cutoff=0.5)
            meant = f" did you mean {close[0]}?" if close else ""
            return InvalidInput(f"{call} has no {wrong!r};{meant} {takes}.", field=wrong)
    complaint = str(problem).partition("() ")[2] or str(problem)
    return InvalidInput(f"{call} {complaint}; {takes}.")
