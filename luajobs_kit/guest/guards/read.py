"""The read guard, which every attribute read by a non-plain name passes through.

The rules in one place:

- A class made by job code, its instances, and job code's functions are its own: it may
  write their attributes and use private names on them, where those are its own too.
- Everything else is read-only and shows public names.
- Special names are read by an allow-list; what they give is made harmless.

Guards look at ``type(x)``, never at ``isinstance``, which an object can mislead (A4).
"""

from __future__ import annotations

import decimal
import string
import types
from _string import formatter_field_name_split  # type: ignore[import-not-found]
from abc import ABCMeta
from collections.abc import Mapping, Sequence
from typing import Any, Final

from luajobs_kit.guest.guards import names
from luajobs_kit.guest.guards.dunder import read_special, without_function
from luajobs_kit.guest.guards.ownership import (
    after,
    class_dict,
    host_defines,
    instance_dict,
    mro_of,
    not_there,
    own,
    own_in,
    refuse,
    title,
)
from luajobs_kit.guest.guards.sealed import for_instances
from luajobs_kit.guest.guards.type_object import ALIASES
from luajobs_kit.guest.guards.unawaited import advice_for, is_unawaited

_PASSED_ON: Final = names.OF_CONTEXTS | {"obj", "register"}
_STEPPABLE: Final = (types.BuiltinFunctionType, types.MethodDescriptorType)


def read(value: Any, name: str) -> Any:  # noqa: RET503  # the last line never returns
    """Return ``value.name`` as job code may see it."""
    if type(name) is not str:  # A5: a subclass of str could answer otherwise later
        raise TypeError(f"attribute name must be a string, not {type(name).__name__!r}")
    if (type(value), name) in own.free:
        return getattr(value, name)
    kind = names.kind_of(name)
    if kind == "plain":
        return getattr(value, name)
    if kind == "watched":
        return _read_watched(value, name)
    if kind == "private":
        return _read_private(value, name)
    if kind == "dunder":
        return read_special(value, name)
    refuse(value, name)


def _read_watched(value: Any, name: str) -> Any:
    if name in _PASSED_ON and issubclass(type(value), ALIASES):
        refuse(value, name)  # an alias reads it from its origin, past this guard (A13)
    if name == "obj" and issubclass(type(value), BaseException):
        refuse(value, name)
    if name == "register" and issubclass(type(value), ABCMeta) and not own.is_class(value):
        refuse(value, name)
    found = getattr(value, name)
    if name in names.OF_CONTEXTS and type(value) is decimal.Context:
        own.contexts[id(value)] = value  # A11: they point into its memory, so it must live on
    if not issubclass(type(found), _STEPPABLE):  # some methods of C are of a subclass
        return _closed(found, name)
    if name in {"format", "format_map"}:
        return _safe_formatter(found, name)
    if is_unawaited(value):
        raise AttributeError(f"{title(value)} has no {name}() for job code; {advice_for(value)}")
    if name in names.STEPPING and _is_own_generator(value):
        return found
    if name in names.STEPPING or name == "mro":
        raise AttributeError(
            f"{title(value)}: {name}() is out of job code's reach"
            + (
                "; use for, await or yield from"
                if name != "mro"
                else "; ask issubclass(class, other)"
            )
        )
    return found


def _closed(found: Any, name: str) -> Any:
    """Return ``found`` or an equivalent that a comparison does not open (A1)."""
    if name == "register":
        return without_function(
            found
        )  # compared, it would show ABCMeta.register, which takes any class
    if name == "groupindex" and type(found) is types.MappingProxyType:
        return types.MappingProxyType(dict(found))
    return found


def _is_own_generator(value: Any) -> bool:
    """Return whether ``value`` is a generator of job code. What it waits for is sealed (A10)."""
    if type(value) is types.GeneratorType:
        frame = value.gi_frame
    elif type(value) is types.AsyncGeneratorType:
        frame = value.ag_frame
    else:
        return False
    return frame is None or frame.f_globals is own.globals  # None: it has ended


class _Formatter(string.Formatter):
    def get_field(
        self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Any, Any]:
        first, rest = formatter_field_name_split(field_name)
        value = self.get_value(first, args, kwargs)
        for is_attribute, name in rest:
            value = read(value, name) if is_attribute else value[name]
        return value, first

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if isinstance(key, int) and key >= len(args):
            raise IndexError(f"Replacement index {key} out of range for positional args tuple")
        return super().get_value(key, args, kwargs)


_FORMATTER = _Formatter()


def safe_format(text: str, /, *args: Any, **kwargs: Any) -> str:
    """Do what ``text.format(…)`` does."""
    return _FORMATTER.vformat(text, args, kwargs)


def safe_format_map(text: str, mapping: Mapping[str, Any], /) -> str:
    """Do what ``text.format_map(mapping)`` does."""
    return _FORMATTER.vformat(text, (), mapping)


def _safe_formatter(found: Any, name: str) -> Any:
    text: Any = getattr(found, "__self__", None)
    if found is str.format or found == str.format:
        return safe_format
    if found == str.format_map:
        return safe_format_map
    if not issubclass(type(text), str):
        return found
    if name == "format":
        return lambda *args, **kwargs: safe_format(text, *args, **kwargs)
    return lambda mapping: safe_format_map(text, mapping)


def _read_private(value: Any, name: str) -> Any:
    kind = type(value)
    if name in names.NAMEDTUPLE_NAMES and (
        issubclass(kind, tuple) or (kind is type and issubclass(value, tuple))
    ):
        return getattr(value, name)
    if own.is_function(value):
        return getattr(value, name)
    if kind is super or own.is_class(value):
        owner = own_in(after(value) if kind is super else mro_of(value), name)
        if owner or (owner is False and name in names.ENUM_NAMES):
            return _of_class(value, name)
    elif own.made(kind):
        return _read_private_of_own(value, name)
    elif _has(value, name):
        refuse(value, name)
    raise not_there(value, name)


def _read_private_of_own(value: Any, name: str) -> Any:
    kind = type(value)
    if not host_defines(mro_of(kind), name):
        own.free.add((kind, name))
        return getattr(value, name)
    owner = own_in(mro_of(kind), name)
    if owner or (owner is False and name in names.ENUM_NAMES):
        return getattr(value, name)
    held = instance_dict(value)
    if held is not None and name in held:
        return held[name]
    if owner is None and own_in(mro_of(kind), "__getattr__"):
        return getattr(value, name)
    raise not_there(value, name)


def _has(value: Any, name: str) -> bool:
    """Return whether the attribute exists, without calling any ``__getattr__``."""
    kind = type(value)
    classes = mro_of(kind) + (mro_of(value) if issubclass(kind, type) else ())
    return name in (instance_dict(value) or ()) or any(name in class_dict(e) for e in classes)


def _of_class(value: Any, name: str) -> Any:
    found = getattr(value, name)
    if name == "_value_repr_" and type(found) is types.FunctionType and not own.is_function(found):
        return for_instances(
            found, value
        )  # A7: a dataclass's __repr__, kept by an enumeration, would show any object
    return found
