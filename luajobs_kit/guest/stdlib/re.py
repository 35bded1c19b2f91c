"""``re`` with patterns looked up by exact text and numbers only.

A2: the library caches compiled patterns, for its own use, too. A text or number of a job's class
decides itself what it equals, so that others would be given its pattern.
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
    """Return a pattern or a template; an instance of a job's class as exact ``str`` or ``bytes``."""
    kind = type(given)
    if not own.made(kind):
        return given
    if issubclass(kind, str):
        return str.__str__(given)
    if issubclass(kind, bytes):
        return b"".join([given])
    raise TypeError(f"a pattern is text, not {kind.__name__!r}")


def compile_plain(pattern: Any, flags: Any) -> Any:
    # RegexFlag keeps the value it was made of, which may be of a job's class.
    number = int.__index__(flags) if issubclass(type(flags), int) else plain(flags)
    return _compile(plain(pattern), number)


def escape(pattern: Any) -> Any:
    """Escape special characters. A5: the library calls ``translate`` of the text with its own table."""
    return _escape(plain(pattern))
