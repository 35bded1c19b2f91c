"""The read guard of special names, an allow-list whose results are made harmless."""

from __future__ import annotations

import copy
import enum
import types
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from luajobs_kit.guest.guards import names
from luajobs_kit.guest.guards.ownership import (
    class_dict,
    defined_by_own,
    instance_dict,
    own,
    refuse,
    title,
)
from luajobs_kit.guest.guards.sealed import Frozen, HostMade, for_instances, make, opaque
from luajobs_kit.guest.guards.type_object import class_of
from luajobs_kit.guest.guards.write import writable
from luajobs_kit.guest.runtime.loop import Future, Task

_MISSING: Any = object()


class AttributeView(HostMade, dict[str, Any]):
    """A copy of an object's attributes; an item set here is checked and set on the object, too.

    A4: the real dictionary would accept any name, and library code trusts some that it finds there.
    """

    __slots__ = ("_check", "_real")

    def __init__(self, real: dict[str, Any], check: Callable[[str], Any]) -> None:
        super().__init__(real)
        self._real = real
        self._check = check  # raises for a name that is not to be set

    def __setitem__(self, name: str, value: Any) -> None:
        self._check(name)
        self._real[name] = value
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._real.pop(name, None)

    def __ior__(self, other: Any) -> Any:  # type: ignore[misc]  # `|` gives a plain dict
        self.update(other)
        return self

    def update(self, *given: Any, **named: Any) -> None:
        for name, value in dict(*given, **named).items():
            self[name] = value

    def setdefault(self, name: str, default: Any = None) -> Any:
        if name not in self:
            self[name] = default
        return self[name]

    def pop(self, name: str, default: Any = _MISSING) -> Any:
        if default is not _MISSING and name not in self:
            return default
        value = self[name]
        del self[name]
        return value

    def popitem(self) -> tuple[str, Any]:
        name, value = super().popitem()
        self._real.pop(name, None)
        return name, value

    def clear(self) -> None:
        for name in list(self):
            del self[name]

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return copy.deepcopy(dict(self), memo)


def attribute_view(real: dict[str, Any], check: Callable[[str], Any]) -> AttributeView:
    return make(AttributeView, real, check)


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


def read_special(value: Any, name: str) -> Any:  # noqa: RET503  # the last line never returns
    """Return ``value.name`` for a special name as job code may see it."""
    if name == "__class__":
        return class_of(value)
    if name == "__dict__":
        return attributes(value)
    if name in names.TITLES:
        found = getattr(value, name)
        if found is None or type(found) is str:
            return found
        refuse(value, name)
    if name in {"__setattr__", "__delattr__"}:
        return _setter(value, name)
    if name == "__members__":
        return types.MappingProxyType(dict(getattr(value, name)))
    if name in names.SPECIAL_METHODS:
        return _special_method(value, name)
    if name in names.CLASS_VARIABLES:
        if own.is_class(value) or own.is_instance(value):
            return getattr(value, name)
        refuse(value, name)
    if issubclass(type(value), BaseException):  # __cause__, __context__, __notes__ …
        return getattr(value, name)
    refuse(value, name)


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
"""Builtins that do what these special methods do; job code may call them on any object."""

_TO_ITS_OWN_ONLY: Final = frozenset(
    {"__get__", "__set__", "__delete__", "__set_name__", "__deepcopy__", "__getattr__"}
)


def _special_method(value: Any, name: str) -> Any:  # noqa: RET503  # likewise
    kind = type(value)
    if name == "__await__" and kind in _AWAITED:
        return opaque(value.__await__)  # A10: its steps give sealed futures only
    asked = _BUILTINS.get(name)
    if asked is not None and not (kind is super or own.made(kind) or issubclass(kind, type)):
        found = getattr(value, name)
        return (
            found if found is None else lambda: asked(value)
        )  # None: the class has switched it off
    if name in _TO_ITS_OWN_ONLY and not defined_by_own(value, name):
        refuse(value, name)  # A7: the host's write to or read whatever they are given
    of = object.__getattribute__(value, "__self__") if kind is super else value
    if kind is super and not (own.is_instance(of) or own.is_class(of)):
        refuse(value, name)  # it would reach the library's class behind our replacement
    if issubclass(type(of), type):
        if not own.is_class(of) and issubclass(of, Frozen):
            refuse(value, name)
        return _method_of_class(value, of, name)
    if own.made(type(of)) or kind in _PLAIN or (kind is super and name != "__init__"):
        return without_function(getattr(value, name))
    refuse(value, name)


def without_function(found: Any) -> Any:
    """Return a job's method as it is, and a library's wrapped in a plain function.

    A1: bound methods compare their functions, so a job's object would receive the library's raw
    function, such as an ``__init__`` that initialises any object (A7).
    """
    is_host = type(found) is types.MethodType and not own.is_function(found.__func__)
    return opaque(found) if is_host else found


def _method_of_class(value: Any, kind: type, name: str) -> Any:
    """Return a special method that takes what it works on as an argument."""
    found, is_own = getattr(value, name), own.is_class(kind)
    if own.is_function(found):
        return found
    if type(found) is types.FunctionType:
        # A7: the library's, or generated by it: a dataclass's __init__ sets attributes of any object.
        found = found if name == "__new__" else for_instances(found, kind)
    elif not is_own and (type(found) not in _SLOT_WRAPPERS or name == "__init_subclass__"):
        refuse(
            value, name
        )  # __init_subclass__ of a class in C would initialise the class itself anew
    if name == "__init__" and not (is_own and defined_by_own(value, name)):
        return _for_own(found)
    return without_function(found)  # it checks its arguments itself


def _for_own(initialise: Callable[..., None]) -> Callable[..., None]:
    """Return a library's ``__init__`` restricted to job code's own objects (A7)."""

    def method(instance: Any, *args: Any, **keywords: Any) -> None:
        if not own.is_instance(instance):
            raise TypeError(f"__init__() is for your own objects, not for {title(instance)}")
        initialise(instance, *args, **keywords)

    return method


def _setter(value: Any, name: str) -> Callable[..., None]:
    """Return a harmless ``__setattr__`` or ``__delattr__`` of ``super()`` or a class."""
    change = object.__setattr__ if name == "__setattr__" else object.__delattr__
    if type(value) is super:
        target = object.__getattribute__(value, "__self__")

        def bound(attribute: str, *rest: Any) -> None:
            if not own.is_instance(target):
                refuse(target, name)
            change(writable(target, attribute), attribute, *rest)

        return bound
    if value is not object and not own.is_class(value):
        refuse(value, name)

    def unbound(instance: Any, attribute: str, *rest: Any) -> None:
        if not own.is_instance(instance):
            refuse(instance, name)
        change(writable(instance, attribute), attribute, *rest)

    return unbound


def attributes(value: Any) -> AttributeView | types.MappingProxyType[str, Any]:
    """Return what ``vars()`` and ``.__dict__`` give, of job code's own objects and classes, and of namespaces."""
    if own.is_class(value) and not issubclass(type(value), enum.EnumType):
        shown = {name: each for name, each in class_dict(value).items() if _is_shown(name)}
        return types.MappingProxyType(shown)
    if own.is_instance(value) or own.is_function(value) or type(value) is types.SimpleNamespace:
        real = instance_dict(value)
        if real is not None:
            return attribute_view(real, partial(writable, value))
    raise AttributeError(f"{title(value)} shows no __dict__ to job code")


def _is_shown(name: str) -> bool:
    return names.kind_of(name) not in {"dunder", "refused"}
