"""The write guards, which decide what attributes job code may set or delete, and on what.

Each returns the object itself, so that Python's own assignment follows.
"""

from __future__ import annotations

import decimal
import enum
import types
from typing import Any, Final

from luajobs_kit.guest.guards import names
from luajobs_kit.guest.guards.ownership import class_dict, mro_of, own, title


def writable(value: Any, name: str) -> Any:
    """Return ``value`` itself when job code may set or delete its attribute ``name``."""
    if type(name) is not str:
        raise TypeError(f"attribute name must be a string, not {type(name).__name__!r}")
    kind = names.kind_of(name)
    if kind in {"dunder", "refused"}:
        raise AttributeError(f"the attribute {name!r} belongs to Python and cannot be set")
    return write_own(value, name) if kind == "private" else write(value)


def write(value: Any) -> Any:
    """Return ``value`` itself when job code may set or delete its public attributes."""
    if own.is_instance(value) or own.is_class(value) or own.is_function(value):
        return value
    if type(value) in OPEN or type(value) in _CLOSED:
        return value
    raise AttributeError(
        f"{title(value)}: its attributes cannot be set by job code; only those of "
        "your own classes and functions can"
    )


OPEN: Final[set[type]] = {decimal.Context, types.SimpleNamespace}
"""Host classes whose instances accept public attributes; they check what is set themselves, or hold anything."""


_CLOSED: Final[set[type]] = {
    *(type(None), type(...), object, types.BuiltinFunctionType),
    *(bool, int, float, complex, str, bytes, bytearray, range, slice),
    *(list, tuple, dict, set, frozenset),
}
"""Builtin classes whose instances accept no attributes: Python raises the usual error itself."""


def write_own(value: Any, name: str) -> Any:
    """Return ``value`` itself when job code may set or delete its private attribute ``name``."""
    if own.is_function(value) or (type(value), name) in own.free or type(value) in _CLOSED:
        return value
    if issubclass(type(value), enum.EnumType):
        # A3: the library keeps there the functions it calls to make members.
        raise AttributeError(  # noqa: TRY004  # as for every other attribute
            f"{title(value)}: private attributes of an enumeration cannot be set"
        )
    if not (own.is_class(value) or own.is_instance(value)):
        raise AttributeError(
            f"{title(value)}: private attributes can be set on your own objects only"
        )
    kinds = mro_of(value if own.is_class(value) else type(value))
    if name not in names.ENUM_NAMES and any(
        name in class_dict(kind) for kind in kinds if not own.made(kind)
    ):
        # A4: Python and its library trust what they find under their own private names.
        raise AttributeError(f"{title(value)}: {name!r} belongs to a class it inherits from")
    return value


def write_special(value: Any) -> Any:
    if own.is_class(value) and not issubclass(type(value), enum.EnumType):
        return value
    raise AttributeError(f"{title(value)}: special methods can be set on your own classes only")


def write_title(value: Any) -> Any:
    if own.is_instance(value) or own.is_class(value) or own.is_function(value):
        return value
    raise AttributeError(f"{title(value)}: its name and description cannot be set")
