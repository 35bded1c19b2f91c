"""Copying under the policy: an object of a job's class is rebuilt as one, or not at all.

A3: the library's ``copy`` calls the function that an object's reduction names and writes attributes
of any name to whatever that returned. A class whose ``__new__`` returns an object of the library
would have that object written to, past the guards; so would a memo that answers for a part of the
copy. ``copy`` and ``deepcopy`` are therefore written here anew, with the library's behaviour.
"""

from __future__ import annotations

import builtins
import copyreg
import types
import weakref
from collections.abc import Callable
from typing import Any, Final, NoReturn

from luajobs_kit.guest.guards.ownership import own
from luajobs_kit.guest.guards.sealed import HostMade, make

_MEMO: Final = "memo"  # under which a real memo, otherwise keyed by numbers, holds its decoy
_MISSING: Final = object()

_FROZENDICT: Final[Any] = getattr(builtins, "frozendict", None)  # of Python 3.15
_CONTAINERS: Final[frozenset[Any]] = frozenset({list, dict, set, bytearray})
_ATOMIC: Final = frozenset(
    {
        types.NoneType,
        types.EllipsisType,
        types.NotImplementedType,
        int,
        float,
        bool,
        complex,
        bytes,
        str,
        type,
        range,
        property,
        types.CodeType,
        types.BuiltinFunctionType,
        types.FunctionType,
        weakref.ref,
    }
)
"""Classes whose instances are their own copy, even a deep one."""
_HOLDING_OTHERS: Final = frozenset({tuple, frozenset, slice, types.MethodType, _FROZENDICT})
"""Classes whose instances are their own shallow copy."""


class _Memo(HostMade, dict[int, Any]):
    """The memo that a job's ``__deepcopy__`` receives: it holds entries for job code's objects only.

    The real memo decides what the parts of a library's object are copied to.
    """

    __slots__ = ("_real",)

    def __init__(self, real: dict[Any, Any] | None = None) -> None:
        self._real = {} if real is None else real
        self._real[_MEMO] = self


def shallow_copy(x: Any) -> Any:
    """Return a copy of ``x`` that holds the same objects."""
    kind: Any = type(x)
    if kind in _ATOMIC or kind in _HOLDING_OTHERS or issubclass(kind, type):
        return x
    if kind in _CONTAINERS:
        return kind.copy(x)
    copier = getattr(kind, "__copy__", None)
    return _rebuilt(x, None) if copier is None else copier(x)


def deep_copy(x: Any, memo: Any = None) -> Any:
    """Return a copy of ``x`` and of all that it holds."""
    decoy = memo if type(memo) is _Memo else make(_Memo)
    return _deep(x, decoy._real)  # noqa: SLF001  # one role in a class and a function


def _deep(x: Any, memo: dict[Any, Any]) -> Any:
    kind: Any = type(x)
    if kind in _ATOMIC or issubclass(kind, type):
        return x
    known = memo.get(id(x), _MISSING)
    if known is not _MISSING:
        return known
    by_kind = _DEEP.get(kind)
    made = _by_protocol(x, memo) if by_kind is None else by_kind(x, memo)
    if made is not x:
        memo[id(x)] = made
        _keep_alive(x, memo)
    return made


def _keep_alive(x: Any, memo: dict[Any, Any]) -> None:
    """Hold what was copied as long as the memo knows it by its ``id``."""
    memo.setdefault(id(memo), []).append(x)


def _by_protocol(x: Any, memo: dict[Any, Any]) -> Any:
    """Copy an object by its ``__deepcopy__`` or as it would be pickled.

    The decoy is shown to job code's methods only: the library's look up parts of their own
    objects in the real one.
    """
    copier = getattr(type(x), "__deepcopy__", None)  # from the class: the instance may hold another
    if not own.made(type(x)):
        return _rebuilt(x, memo) if copier is None else copier(x, memo)
    decoy = memo[_MEMO]
    given = dict.get(decoy, id(x), _MISSING)
    if given is not _MISSING:
        return given
    return _rebuilt(x, memo) if copier is None else copier(x, decoy)


def _deep_list(x: list[Any], memo: dict[Any, Any]) -> list[Any]:
    made: list[Any] = []
    memo[id(x)] = made
    for each in x:
        made.append(_deep(each, memo))  # noqa: PERF401  # it may hold itself
    return made


def _deep_tuple(x: tuple[Any, ...], memo: dict[Any, Any]) -> tuple[Any, ...]:
    parts = [_deep(each, memo) for each in x]
    if id(x) in memo:  # what it holds holds it
        return memo[id(x)]  # type: ignore[no-any-return]
    return x if all(a is b for a, b in zip(x, parts, strict=True)) else tuple(parts)


def _deep_dict(x: dict[Any, Any], memo: dict[Any, Any]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    memo[id(x)] = made
    for key, value in x.items():
        made[_deep(key, memo)] = _deep(value, memo)
    return made


def _deep_frozendict(x: Any, memo: dict[Any, Any]) -> Any:
    parts = {_deep(key, memo): _deep(value, memo) for key, value in x.items()}
    return memo[id(x)] if id(x) in memo else _FROZENDICT(parts)


def _deep_method(x: Any, memo: dict[Any, Any]) -> Any:
    """Bind a method to a copy of its object, which a job's ``__deepcopy__`` may make."""
    made = _deep(x.__self__, memo)
    if type(made) is not type(x.__self__):
        raise TypeError("__deepcopy__ gave something else to the copy of a method")
    return type(x)(x.__func__, made)


_DEEP: Final[dict[Any, Callable[..., Any]]] = {
    list: _deep_list,
    tuple: _deep_tuple,
    dict: _deep_dict,
    types.MethodType: _deep_method,
    _FROZENDICT: _deep_frozendict,
}


def _rebuilt(x: Any, memo: dict[Any, Any] | None) -> Any:
    """Make an object anew as unpickling would."""
    kind: Any = type(x)  # from the class: the instance may hold another method
    if kind is super:
        _no_super()
    reductor = copyreg.dispatch_table.get(kind)
    reduced: Any = kind.__reduce_ex__(x, 4) if reductor is None else reductor(x)
    return x if isinstance(reduced, str) else _reconstructed(x, memo, *reduced)


def _no_super() -> NoReturn:
    raise TypeError("'super' objects cannot be copied")  # they read from the object behind them


def _reconstructed(  # noqa: PLR0917  # what __reduce_ex__ gives
    x: Any,
    memo: dict[Any, Any] | None,
    function: Callable[..., Any],
    arguments: Any,
    state: Any = None,
    items: Any = None,
    pairs: Any = None,
) -> Any:
    """Do what the library does, and give nothing but an instance of the same class."""

    def part(each: Any) -> Any:
        return each if memo is None else _deep(each, memo)

    made = function(*[part(each) for each in arguments])
    # A3: what was made could be anything; an alias, for one, is looked up by name in typing. The one
    # library object whose copy is of another class is a set's iterator, copied to a list's.
    if type(made) is not type(x) and (function is not iter or own.is_instance(x)):
        raise TypeError(f"a copy of a {type(x).__name__!r} object became something else")
    if memo is not None:
        memo[id(x)] = made
    if state is not None:
        _set_state(made, part(state))
    for each in () if items is None else items:
        made.append(part(each))
    for key, value in () if pairs is None else pairs:
        made[part(key)] = part(value)
    return made


def _set_state(made: Any, state: Any) -> None:
    if hasattr(made, "__setstate__"):
        made.__setstate__(state)
        return
    attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    if attributes is not None:
        made.__dict__.update(attributes)
    for name, value in (slots or {}).items():
        setattr(made, name, value)


def copied_user_collection(x: Any) -> Any:
    """Copy a ``UserDict`` or ``UserList`` without asking its class for a new one."""
    made = object.__new__(type(x))
    made.__dict__.update(x.__dict__)
    made.__dict__["data"] = x.__dict__["data"].copy()
    return made
