"""What guards say of an object they keep an attribute of."""

from __future__ import annotations

from typing import NoReturn, cast


def refuse(value: object, name: str) -> NoReturn:
    """Raise ``AttributeError``: there may be such an attribute, and job code has no use of it."""
    raise AttributeError(
        f"{title(value)}: the attribute {name!r} is out of job code's reach"
    ) from None


def title(value: object) -> str:
    """Return what messages call ``value``: by its class, asking nothing of it."""
    if issubclass(type(value), type):
        return f"class {type.__getattribute__(cast('type', value), '__name__')!r}"
    if type(value).__name__ == "Facade":
        return f"module {repr(value)[9:-2]!r}"
    return f"{type(value).__name__!r} object"


def not_there(value: object, name: str) -> AttributeError:
    """Return the error, in Python's words, of an attribute that is missing."""
    what = title(value)
    if what.startswith("class "):
        what = what.replace("class", "type object", 1)  # as Python says it
    return AttributeError(f"{what} has no attribute {name!r}")
