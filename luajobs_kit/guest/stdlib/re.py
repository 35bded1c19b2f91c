"""Patterns are looked up by plain text and plain numbers only.

The library keeps what it compiled for whoever asks next, itself included. A text or number
of a job's class says itself what it equals, and would have others given its pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from luajobs_kit.guest.guards.ownership import own

_library: Any = re  # with the names it keeps to itself
_compile: Final[Callable[..., Any]] = _library._compile  # noqa: SLF001  # what all of its functions begin with
_escape: Final[Callable[[Any], Any]] = re.escape


def plain(given: Any) -> Any:
    """Return a pattern or a template; one of a job's class as what it is plainly."""
    kind = type(given)
    if not own.made(kind):
        return given
    if issubclass(kind, str):
        return str.__str__(given)
    if issubclass(kind, bytes):
        return b"".join([given])
    raise TypeError(f"a pattern is text, not {kind.__name__!r}")


def compile_plain(pattern: Any, flags: Any) -> Any:
    # A flag's value may be of a job's class, too: it was given to RegexFlag, which keeps it.
    number = int.__index__(flags) if issubclass(type(flags), int) else plain(flags)
    return _compile(plain(pattern), number)


def escape(pattern: Any) -> Any:
    """Escape what is special in a text, which the library has translate by its own table."""
    return _escape(plain(pattern))
