"""The text of a log call: its message with its %-arguments, and the fields given with it.

A log call never ends what it tells of: what cannot be formatted is told as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def log_text(message: object, arguments: Any = (), fields: Mapping[str, Any] | None = None) -> str:
    """Return ``message % arguments``, and ``name=value`` for each field.

    ``arguments`` is a tuple, or one dict, as ``logging`` takes them. Where they do not fit the
    message they follow it, as ``print`` would write them.
    """
    text = text_of(message)
    if arguments:
        given = arguments if type(arguments) is tuple else (arguments,)
        one_mapping = len(given) == 1 and issubclass(type(given[0]), dict)
        try:
            text = str.__str__(text % (given[0] if one_mapping else given))
        except Exception:  # noqa: BLE001  # of the arguments' own __str__, too
            text = " ".join([text, *map(text_of, given)])
    if fields:
        shown = ", ".join([f"{text_of(name)}={_shown(value)}" for name, value in fields.items()])
        text = f"{text} ({shown})"
    return text


def text_of(value: object) -> str:
    """Return ``str(value)`` as an exact ``str``; where that raises, its type and the error's."""
    try:
        return str.__str__(str(value))
    except Exception as error:  # noqa: BLE001  # an object's own __str__ may raise anything
        return f"<{type(value).__name__} whose text raises {type(error).__name__}>"


def _shown(value: object) -> str:
    try:
        return str.__str__(repr(value))
    except Exception:  # noqa: BLE001  # likewise
        return text_of(value)
