"""The guards compiled code asks: may this attribute be read, may this object be written to.

The rules in one place:

- A class made by job code, its instances, and job code's functions are its own: it may
  write their attributes and use private names on them, where those are its own too.
- Everything else is read-only and shows public names.
- Special names are read by an allow-list; what they give is made harmless.

Guards look at ``type(x)``, never at ``isinstance``, which an object can lie to.
"""

from __future__ import annotations

import decimal
import enum
import types
import zoneinfo
from abc import ABCMeta
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NoReturn, cast

from luajobs_kit.guest import names
from luajobs_kit.guest.awaiting import advice_for, is_unawaited
from luajobs_kit.guest.classes import ALIASES, class_of
from luajobs_kit.guest.formatting import safe_format, safe_format_map
from luajobs_kit.guest.frozen import Frozen, for_instances
from luajobs_kit.guest.futures import Future, Task
from luajobs_kit.guest.held import Held, held_in
from luajobs_kit.guest.owning import class_dict, mro_of, own

_STEPPABLE: Final = (types.BuiltinFunctionType, types.MethodDescriptorType)
_PLAIN: Final = frozenset(
    {str, bytes, bytearray, int, float, complex, bool, list, tuple, dict, set, frozenset, range}
)
_SLOT_WRAPPERS: Final = (
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
)


def read(value: Any, name: str) -> Any:  # noqa: RET503  # the last line never returns
    """Return ``value.name`` as job code may see it."""
    if type(name) is not str:  # a subclass could lie about what it spells
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
        return _read_special(value, name)
    _refuse(value, name)


def _refuse(value: object, name: str) -> NoReturn:
    raise AttributeError(
        f"{title(value)}: the attribute {name!r} is out of job code's reach"
    ) from None


def title(value: object) -> str:
    if issubclass(type(value), type):
        return f"class {type.__getattribute__(cast('type', value), '__name__')!r}"
    if type(value).__name__ == "Facade":
        return f"module {repr(value)[9:-2]!r}"
    return f"{type(value).__name__!r} object"


def _read_watched(value: Any, name: str) -> Any:
    if name in {"obj", "register"} and issubclass(type(value), ALIASES):
        _refuse(value, name)  # it passes the question on to what it stands for
    if name == "obj" and issubclass(type(value), BaseException):
        _refuse(value, name)
    if name == "register" and issubclass(type(value), ABCMeta) and not own.is_class(value):
        _refuse(value, name)
    found = getattr(value, name)
    if not issubclass(type(found), _STEPPABLE):  # some methods of C are of a class below
        return found
    if (
        name == "from_file" and found == zoneinfo.ZoneInfo.from_file
    ):  # it believes what a file says of places in memory
        _refuse(value, name)
    if name in {"format", "format_map"}:
        return _safe_formatter(found, name)
    if is_unawaited(value):
        raise AttributeError(f"{title(value)} has no {name}() for job code; {advice_for(value)}")
    if name in names.STEPPING and _is_own_generator(value):
        return found
    if name in names.STEPPING or name == "mro":
        raise AttributeError(
            f"{title(value)}: {name}() is out of job code's reach"
            + ("; use for, await or yield from" if name != "mro" else "")
        )
    return found


def _is_own_generator(value: Any) -> bool:
    """Whether stepping ``value`` by hand steps job code; what it waits for is sealed."""
    if type(value) is types.GeneratorType:
        frame = value.gi_frame
    elif type(value) is types.AsyncGeneratorType:
        frame = value.ag_frame
    else:
        return False
    return frame is None or frame.f_globals is own.globals  # None: there is nothing left to step


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


def _own_in(classes: tuple[type, ...], name: str) -> bool | None:
    """Whether the first class that defines ``name`` is job code's own; None: none defines it."""
    for kind in classes:
        if name in class_dict(kind):
            return own.made(kind)
    return None


def _host_defines(classes: tuple[type, ...], name: str) -> bool:
    """Whether a class that is not job code's defines ``name``, or answers any name at all."""
    return any(
        not own.made(kind) and (name in class_dict(kind) or "__getattr__" in class_dict(kind))
        for kind in classes
    )


def _instance_dict(value: object) -> dict[str, Any] | None:
    try:
        return cast("dict[str, Any]", object.__getattribute__(value, "__dict__"))
    except AttributeError:
        return None


def _read_private(value: Any, name: str) -> Any:
    kind = type(value)
    if name in names.NAMEDTUPLE_NAMES and (
        issubclass(kind, tuple) or (kind is type and issubclass(value, tuple))
    ):
        return getattr(value, name)
    if own.is_function(value):
        return getattr(value, name)
    if kind is super or own.is_class(value):
        owner = _own_in(_after(value) if kind is super else mro_of(value), name)
        if owner or (owner is False and name in names.ENUM_NAMES):
            return _of_class(value, name)
    elif own.made(kind):
        return _read_private_of_own(value, name)
    elif _has(value, name):
        _refuse(value, name)
    raise _not_there(value, name)


def _read_private_of_own(value: Any, name: str) -> Any:
    kind = type(value)
    if not _host_defines(mro_of(kind), name):
        own.free.add((kind, name))
        return getattr(value, name)
    owner = _own_in(mro_of(kind), name)
    if owner or (owner is False and name in names.ENUM_NAMES):
        return getattr(value, name)
    held = _instance_dict(value)
    if held is not None and name in held:
        return held[name]
    if owner is None and _own_in(mro_of(kind), "__getattr__"):
        return getattr(value, name)
    raise _not_there(value, name)


def _not_there(value: object, name: str) -> AttributeError:
    what = title(value)
    if what.startswith("class "):
        what = what.replace("class", "type object", 1)  # as Python says it
    return AttributeError(f"{what} has no attribute {name!r}")


def _has(value: Any, name: str) -> bool:
    """Whether there is an attribute of this name at all, asking nobody's ``__getattr__``."""
    kind = type(value)
    classes = mro_of(kind) + (mro_of(value) if issubclass(kind, type) else ())
    return name in (_instance_dict(value) or ()) or any(name in class_dict(e) for e in classes)


def _of_class(value: Any, name: str) -> Any:
    found = getattr(value, name)
    if name == "_value_repr_" and type(found) is types.FunctionType and not own.is_function(found):
        return for_instances(found, value)  # what enumerations keep of a dataclass shows any object
    return found


def _after(value: super) -> tuple[type, ...]:
    """Return the classes a ``super()`` object looks into."""
    start = cast("type", object.__getattribute__(value, "__thisclass__"))
    of = cast("type", object.__getattribute__(value, "__self_class__"))
    classes = mro_of(of)
    return classes[classes.index(start) + 1 :]


def _read_special(value: Any, name: str) -> Any:
    if name == "__class__":
        return class_of(value)
    if name == "__dict__":
        return attributes(value)
    if name in names.TITLES:
        found = getattr(value, name)
        if found is None or type(found) is str:
            return found
        _refuse(value, name)
    if name in {"__setattr__", "__delattr__"}:
        return _setter(value, name)
    if name == "__members__":
        return types.MappingProxyType(dict(getattr(value, name)))
    if name in names.SPECIAL_METHODS:
        return _special_method(value, name)
    if name in names.CLASS_VARIABLES:
        if own.is_class(value) or own.is_instance(value):
            return getattr(value, name)
        _refuse(value, name)
    if issubclass(type(value), BaseException):  # __cause__, __context__, __notes__ …
        return getattr(value, name)
    _refuse(value, name)


_AWAITED: Final = (types.CoroutineType, Future, Task)
_BUILTINS: Final[dict[str, Callable[[Any], Any]]] = {
    "__next__": next,
    "__iter__": iter,
    "__anext__": anext,
    "__aiter__": aiter,
    "__reversed__": reversed,
    "__len__": len,
    "__hash__": hash,
    "__bool__": bool,
    "__repr__": repr,
    "__str__": str,
}
"""What these special methods do of any object is what job code may ask of it anyway."""

_TO_ITS_OWN_ONLY: Final = frozenset(
    {"__get__", "__set__", "__delete__", "__set_name__", "__deepcopy__", "__getattr__"}
)


def _special_method(value: Any, name: str) -> Any:
    kind = type(value)
    if name == "__await__" and kind in _AWAITED:
        return value.__await__  # what its steps give is sealed
    asked = _BUILTINS.get(name)
    if asked is not None and not (kind is super or own.made(kind) or issubclass(kind, type)):
        found = getattr(value, name)
        return found if found is None else lambda: asked(value)  # None: it cannot be asked that
    if name in _TO_ITS_OWN_ONLY and not _defined_by_own(value, name):
        _refuse(value, name)  # the host's write to, read or believe whatever they are given
    of = object.__getattribute__(value, "__self__") if kind is super else value
    if issubclass(type(of), type):
        if not own.is_class(of) and issubclass(of, Frozen):
            _refuse(value, name)
        return _method_of_class(value, of, name)
    if own.made(type(of)) or kind in _PLAIN or (kind is super and name != "__init__"):
        return getattr(value, name)
    _refuse(value, name)


def _method_of_class(value: Any, kind: type, name: str) -> Any:
    """Return a special method that takes what it works on as an argument."""
    found, is_own = getattr(value, name), own.is_class(kind)
    if own.is_function(found):
        return found
    if type(found) is types.FunctionType:
        # The library's, or made by it: a dataclass's __init__ sets what its fields are named.
        found = found if name == "__new__" else for_instances(found, kind)
    elif not is_own and type(found) not in _SLOT_WRAPPERS:
        _refuse(value, name)
    if name == "__init__" and not (is_own and _defined_by_own(value, name)):
        return _for_own(found)
    return found  # it looks at what it is called with


def _for_own(initialise: Callable[..., None]) -> Callable[..., None]:
    """Return a library's ``__init__`` that makes nothing but job code's own objects anew."""

    def method(instance: Any, *args: Any, **keywords: Any) -> None:
        if not own.is_instance(instance):
            raise TypeError(f"__init__() is for your own objects, not for {title(instance)}")
        initialise(instance, *args, **keywords)

    return method


def _defined_by_own(value: Any, name: str) -> bool:
    if type(value) is super:
        return bool(_own_in(_after(value), name))
    kind = value if own.is_class(value) else type(value)
    return bool(_own_in(mro_of(kind), name))


def _setter(value: Any, name: str) -> Callable[..., None]:
    """Return a harmless ``__setattr__`` or ``__delattr__`` of ``super()`` or a class."""
    change = object.__setattr__ if name == "__setattr__" else object.__delattr__
    if type(value) is super:
        target = object.__getattribute__(value, "__self__")

        def bound(attribute: str, *rest: Any) -> None:
            if not own.is_instance(target):
                _refuse(target, name)
            change(_writable(target, attribute), attribute, *rest)

        return bound
    if value is not object and not own.is_class(value):
        _refuse(value, name)

    def unbound(instance: Any, attribute: str, *rest: Any) -> None:
        if not own.is_instance(instance):
            _refuse(instance, name)
        change(_writable(instance, attribute), attribute, *rest)

    return unbound


def attributes(value: Any) -> Held | types.MappingProxyType[str, Any]:
    """Return what ``vars()`` and ``.__dict__`` give, of job code's own objects and classes only."""
    if own.is_class(value) and not issubclass(type(value), enum.EnumType):
        shown = {name: each for name, each in class_dict(value).items() if _is_shown(name)}
        return types.MappingProxyType(shown)
    if own.is_instance(value) or own.is_function(value):
        real = _instance_dict(value)
        if real is not None:
            return held_in(real, partial(_writable, value))
    raise AttributeError(f"{title(value)} shows no __dict__ to job code")


def _writable(value: Any, name: str) -> Any:
    """Return ``value`` itself when job code may set or delete its attribute ``name``."""
    if type(name) is not str:
        raise TypeError(f"attribute name must be a string, not {type(name).__name__!r}")
    kind = names.kind_of(name)
    if kind in {"dunder", "refused"}:
        raise AttributeError(f"the attribute {name!r} belongs to Python and cannot be set")
    return write_own(value, name) if kind == "private" else write(value)


def _is_shown(name: str) -> bool:
    return names.kind_of(name) not in {"dunder", "refused"}


def write(value: Any) -> Any:
    """Return ``value`` itself when job code may set or delete its public attributes."""
    if own.is_instance(value) or own.is_class(value) or own.is_function(value):
        return value
    if type(value) in OPEN:
        return value
    _refuse_none(value)
    raise AttributeError(
        f"{title(value)}: its attributes cannot be set by job code; only those of "
        "your own classes and functions can"
    )


OPEN: Final[set[type]] = {decimal.Context}
"""Host classes whose instances take public attributes (they guard what is set themselves)."""


def _refuse_none(value: object) -> None:
    if value is None:
        raise AttributeError("'NoneType' object takes no attributes: there is None")


def write_own(value: Any, name: str) -> Any:
    """Return ``value`` itself when job code may set or delete its private attribute ``name``."""
    if own.is_function(value) or (type(value), name) in own.free:
        return value
    if issubclass(type(value), enum.EnumType):
        # The library keeps there what it calls for members.
        raise AttributeError(  # noqa: TRY004  # as for every other attribute
            f"{title(value)}: private attributes of an enumeration cannot be set"
        )
    if not (own.is_class(value) or own.is_instance(value)):
        _refuse_none(value)
        raise AttributeError(
            f"{title(value)}: private attributes can be set on your own objects only"
        )
    kinds = mro_of(value if own.is_class(value) else type(value))
    if name not in names.ENUM_NAMES and any(
        name in class_dict(kind) for kind in kinds if not own.made(kind)
    ):
        # Python and its library trust what they find under names of their own.
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
