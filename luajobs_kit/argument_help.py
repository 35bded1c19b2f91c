"""Help with names that do not exist: the nearest one that does, and a call's right arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import wraps
from typing import Any, Final, TypeVar, cast

from luajobs_kit.calendar_units import instead_of_unit
from luajobs_kit.errors import InvalidInput

F = TypeVar("F", bound=Callable[..., Any])

_OURS: Final = frozenset(
    {"self", "clock", "entry", "dynamic"}
)  # parameters that are not named to people

_BY_NAME: Final = {
    "Jobs.create": "write Jobs.create(**config), or Jobs.create(name=…, schedule=…, execute=…)",
    "Jobs.get_all": "write Jobs.get_all(include_dynamic=True)",
}
"""Calls that Lua gives one object of options, and what to write here."""

_RENAMED: Final = {"powers": 'name the tools: tools=["get_weather"]'}
"""Arguments of earlier versions, and what to write now."""


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
            if takes(function, given, options):
                raise  # it is about something else
            raise misnamed(function.__name__, function, options, problem) from None

    return cast("F", called)


def takes(function: Callable[..., Any], given: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Return whether a function takes these arguments."""
    try:
        inspect.signature(function).bind(*given, **options)
    except TypeError:
        return False
    return True


def misnamed(
    call: str, function: Callable[..., Any], options: dict[str, Any], problem: TypeError
) -> InvalidInput:
    """Return what to say of a call whose arguments ``function`` does not take."""
    parameters = inspect.signature(function).parameters
    names = [name for name in parameters if name not in _OURS]
    known = f"it takes {', '.join(names)}" if names else "it takes nothing"
    for wrong, value in options.items():
        if wrong not in parameters:
            if advice := _RENAMED.get(wrong) or instead_of_unit(call, wrong, value):
                return InvalidInput(f"{call} has no {wrong!r}; {advice}.", field=wrong)
            close = nearest(wrong, names, cutoff=0.5)
            meant = f" did you mean {close[0]}?" if close else ""
            return InvalidInput(f"{call} has no {wrong!r};{meant} {known}.", field=wrong)
    complaint = str(problem).partition("() ")[2] or str(problem)
    if complaint.endswith("given"):  # Python's words count self, which one side has not
        if call in _BY_NAME:
            return InvalidInput(
                f"{call} takes keywords: {_BY_NAME[call]}. Their names are Python's; "
                "docs/lua-names.md lists them beside Lua's."
            )
        complaint = "was given more arguments than it takes by position"
    return InvalidInput(f"{call} {complaint}; {known}.")
