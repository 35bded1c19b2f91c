"""Copying under the policy: an object of a job's class is rebuilt as one, or not at all.

The library's ``copy`` calls what it is told to call and writes attributes of any name to
whatever that returned. Left alone, a class whose ``__new__`` answers with an object of
the library has it written to, past the guards, and so has a memo that answers for a
part of the copy. ``install`` gives the library's own tables ours to ask first, so that
it holds wherever the library copies by itself (``asdict``, ``UserDict.copy``).
"""

from __future__ import annotations

import collections
import copy
import types
from collections.abc import Callable
from typing import Any, Final, NoReturn

from luajobs_kit.guest.frozen import Given, make
from luajobs_kit.guest.owning import own

_library: Any = copy  # with the names it keeps to itself
_reconstruct: Final = _library._reconstruct  # noqa: SLF001  # what copy and deepcopy end in
_MEMO: Final = "memo"  # under which a real memo, otherwise keyed by numbers, holds its decoy
_MISSING: Final = object()


class _Memo(Given, dict[int, Any]):
    """What a job's ``__deepcopy__`` is given for a memo: it answers for job code's objects only.

    The real one decides what the parts of a library's object are copied to.
    """

    __slots__ = ("_real",)

    def __init__(self, real: dict[Any, Any] | None = None) -> None:
        self._real = {} if real is None else real
        self._real[_MEMO] = self


def shallow_copy(value: Any) -> Any:
    return copy.copy(value)


def deep_copy(value: Any, memo: Any = None) -> Any:
    decoy = memo if type(memo) is _Memo else make(_Memo)
    return copy.deepcopy(value, decoy._real)  # noqa: SLF001  # one role in a class and a function


def _copied(value: Any) -> Any:
    copier = getattr(type(value), "__copy__", None)
    return _rebuilt(value, None) if copier is None else copier(value)


def _deep_copied(value: Any, memo: dict[Any, Any]) -> Any:
    decoy = memo[_MEMO] if _MEMO in memo else make(_Memo, memo)
    given = dict.get(decoy, id(value), _MISSING)
    if given is not _MISSING:
        return given
    copier = getattr(type(value), "__deepcopy__", None)
    return _rebuilt(value, memo) if copier is None else copier(value, decoy)


def _rebuilt(value: Any, memo: dict[Any, Any] | None) -> Any:
    kind: Any = type(value)  # never the instance: its dictionary may hold another method
    reduced: Any = kind.__reduce_ex__(value, 4)
    return value if type(reduced) is str else _checked(value, memo, *reduced)


def _checked(
    value: Any,
    memo: dict[Any, Any] | None,
    function: Callable[..., Any],
    arguments: Any,
    state: Any = None,
    *rest: Any,
    **options: Any,
) -> Any:
    """Do what the library does, and give nothing but an instance of the same class."""

    def build(*given: Any) -> Any:
        made = function(*given)
        # A set's iterator is copied to a list's. Else what is made may be anything: an alias,
        # for one, is looked up by a name among typing's globals.
        if type(made) is not type(value) and (function is not iter or own.is_instance(value)):
            raise TypeError(f"a copy of a {type(value).__name__!r} object became something else")
        return made

    return _reconstruct(value, memo, build, arguments, state, *rest, **options)


def _no_super(*_: Any) -> NoReturn:
    raise TypeError("'super' objects cannot be copied")  # they speak for the object behind them


def _copied_method(value: Any, memo: dict[Any, Any]) -> Any:
    """Bind a method to a copy of its object, which a job's ``__deepcopy__`` may make."""
    made = copy.deepcopy(value.__self__, memo)
    if type(made) is not type(value.__self__):
        raise TypeError("__deepcopy__ gave something else to the copy of a method")
    return type(value)(value.__func__, made)


class _OwnFirst(dict[type, Any]):
    """The library's table of how to copy a class, with an answer for every class of the job's."""

    def __init__(self, known: dict[type, Any], for_own: Callable[..., Any]) -> None:
        super().__init__(known)
        self[super] = _no_super
        self._for_own = for_own

    def get(self, kind: type, default: Any = None) -> Any:
        found = dict.get(self, kind, default)
        return self._for_own if found is None and own.made(kind) else found


def _copied_user_collection(value: Any) -> Any:
    """Copy a ``UserDict`` or ``UserList`` without asking its class for a new one."""
    made = object.__new__(type(value))
    made.__dict__.update(value.__dict__)
    made.__dict__["data"] = value.__dict__["data"].copy()
    return made


def install() -> None:
    """Let the library's ``copy`` and collections ask here first, in this process."""
    _library._copy_dispatch = _OwnFirst(_library._copy_dispatch, _copied)  # noqa: SLF001  # its hooks have no other names
    _library._deepcopy_dispatch = _OwnFirst(_library._deepcopy_dispatch, _deep_copied)  # noqa: SLF001  # likewise
    # The library looks a method up by its function's name, which a job may change.
    _library._copy_dispatch[types.MethodType] = lambda method: method  # noqa: SLF001  # likewise
    _library._deepcopy_dispatch[types.MethodType] = _copied_method  # noqa: SLF001  # likewise
    _library._reconstruct = _checked  # noqa: SLF001  # likewise
    for user in (collections.UserDict, collections.UserList):
        setattr(user, "__copy__", _copied_user_collection)  # noqa: B010  # mypy knows only one of them
