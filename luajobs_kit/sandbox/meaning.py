"""What an author may have meant, where an error is told: as Python's own tracebacks ask."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

_CLOSE: Final = 0.7  # of 1; Python's own measure is as strict
_LONGEST_NAME: Final = 40  # characters; likewise
_MOST_NAMES: Final = 750  # compared; likewise


def meant(error: BaseException, message: str) -> str:
    """Return the message of ``error``, with the attribute it has where one is missing."""
    if type(error) is not AttributeError or type(error.name) is not str:
        return message
    if not message.endswith(f"has no attribute {error.name!r}"):
        return message
    close = _closest(error.name, error.obj)
    return message if close is None else f"{message}. Did you mean: {close!r}?"


def _closest(name: str, value: object) -> str | None:
    if value is None or len(name) > _LONGEST_NAME:
        return None
    # Never the object's own __dir__, which may be the author's.
    known = type.__dir__(value) if issubclass(type(value), type) else object.__dir__(value)
    ordinary = [each for each in known if not each.startswith("_") and len(each) <= _LONGEST_NAME]
    if len(ordinary) > _MOST_NAMES:
        return None
    return next(iter(get_close_matches(name, ordinary, n=1, cutoff=_CLOSE)), None)
