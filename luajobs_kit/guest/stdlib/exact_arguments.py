"""Arguments made exact before the library sees them.

Library code trusts the text, bytes and numbers it is given: it looks them up in caches (A2), compares
them (A1) and calls their methods with objects of its own (A5). An instance of a job's subclass of
``str`` would answer as it likes, so what is passed on is a plain copy.
"""

from __future__ import annotations

import operator
from typing import Any


def text(given: Any) -> str:
    """Return an exact ``str``. Raises ``TypeError`` for what is no text."""
    if issubclass(type(given), str):
        return str.__str__(given)
    raise TypeError(f"a string is needed, not {type(given).__name__!r}")


def data(given: Any) -> bytes:
    """Return exact ``bytes`` of bytes, a bytearray or a memoryview. Raises ``TypeError``."""
    if issubclass(type(given), bytes | bytearray | memoryview):
        return b"".join([given])
    raise TypeError(f"a bytes-like object is needed, not {type(given).__name__!r}")


def whole(given: Any) -> int:
    """Return an exact ``int``. Raises ``TypeError``."""
    return int(operator.index(given))


def plain(given: Any) -> Any:
    """Return a keyword's value of Python's own: None, text, a truth value, a number, or bytes."""
    kind = type(given)
    if given is None or kind is bool or kind is float:
        return given
    if issubclass(kind, str):
        return text(given)
    return data(given) if issubclass(kind, bytes) else whole(given)
