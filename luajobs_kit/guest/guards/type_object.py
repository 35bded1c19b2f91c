"""The builtins ``type`` and ``classmethod`` of job code.

``type(x)`` returns the class of ``x``; for classes and interpreter types it returns a stand-in that
cannot be called (A12).
"""

from __future__ import annotations

import decimal
import functools
import types
import typing
from typing import Any, Final

from luajobs_kit.guest.guards.ownership import own
from luajobs_kit.guest.guards.sealed import Frozen, FrozenType, HostMadeType, opaque

_STAND_INS: dict[type, type] = {}


def class_of(value: Any) -> Any:
    """Return the class of ``value``; for classes and interpreter types, one that makes nothing."""
    kind = type(value)
    if issubclass(kind, type):
        return Type
    if kind in _OPAQUE or issubclass(kind, _MADE_BY_ITEMS):
        return _stand_in(kind)
    return kind


_OPAQUE: Final = frozenset(
    {
        types.FunctionType,
        types.MethodType,
        types.BuiltinFunctionType,
        types.CodeType,
        types.FrameType,
        types.TracebackType,
        types.ModuleType,
        types.CellType,
        types.GeneratorType,
        types.CoroutineType,
        types.AsyncGeneratorType,
        super,
        type(decimal.Context().flags),  # A11: reading one without its context crashes
        type(
            functools.lru_cache(len)
        ),  # A2: it would keep a job's arguments beside others' classes
    }
)


ALIASES: Final = (types.GenericAlias, typing._BaseGenericAlias)  # type: ignore[attr-defined]  # noqa: SLF001  # of all of typing's
_MADE_BY_ITEMS: Final = (*ALIASES, typing._SpecialForm, typing.ForwardRef)  # noqa: SLF001  # ``List[int]``, ``List["name"]``
"""Classes of typing whose objects are written with brackets; called, they accept anything (A4)."""


class _StandInMeta(HostMadeType, type):
    """Metaclass of stand-ins: they can be compared and used with ``isinstance``, not called."""

    def __instancecheck__(cls, instance: object) -> bool:
        return _STAND_INS.get(type(instance)) is cls


def _stand_in(kind: type) -> type:
    if kind not in _STAND_INS:
        made = _StandInMeta(kind.__name__, (Frozen,), {"__module__": "builtins", "__slots__": ()})
        _STAND_INS[kind] = made
    return _STAND_INS[kind]


class _TypeMeta(FrozenType, type):
    """Makes ``type`` inside: asks for a class, never makes one."""

    def __call__(cls, *args: Any, **keywords: Any) -> Any:
        if len(args) != 1 or keywords:
            raise TypeError("type() takes one argument in job code; make classes with: class …")
        return class_of(args[0])

    def __instancecheck__(cls, instance: object) -> bool:
        return issubclass(type(instance), type)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, type)

    def __getitem__(cls, _item: Any) -> Any:
        return object  # type[int] is only written in annotations

    def __or__(cls, _other: Any) -> Any:
        return object

    __ror__ = __or__

    def __repr__(cls) -> str:
        return "<class 'type'>"


class Type(Frozen, metaclass=_TypeMeta):
    """What job code knows as ``type``."""

    __slots__ = ()


Type.__name__ = Type.__qualname__ = "type"
Type.__module__ = "builtins"


class ClassMethod(classmethod):  # type: ignore[type-arg]  # of any function
    """What job code knows as ``classmethod``.

    A1: methods are compared by their functions. A class method made of a job's object would have its
    ``__eq__`` called with the function of whatever method it is compared with.
    """

    def __init__(self, function: Any) -> None:
        super().__init__(opaque(function) if own.is_instance(function) else function)


ClassMethod.__name__ = ClassMethod.__qualname__ = "classmethod"
ClassMethod.__module__ = "builtins"
