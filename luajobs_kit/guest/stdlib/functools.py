"""The parts of ``functools`` that would otherwise read or write attributes past the guards."""

from __future__ import annotations

import contextlib
import functools
import types
import typing
from collections.abc import Callable, Iterable
from types import MethodType
from typing import Any, Final

from luajobs_kit.guest.guards import names
from luajobs_kit.guest.guards.ownership import is_own, own, title
from luajobs_kit.guest.guards.read import read
from luajobs_kit.guest.guards.sealed import Frozen
from luajobs_kit.guest.guards.type_object import ClassMethod
from luajobs_kit.guest.guards.write import write_own

_TITLES: Final = ("__module__", "__name__", "__qualname__", "__doc__")
_ASSIGNABLE: Final = frozenset({*_TITLES, "__annotations__", "__type_params__"})
_DICT: Final = ("__dict__",)
_library_update_wrapper: Final[Any] = functools.update_wrapper
_UNIONS: Final = (types.UnionType, type(typing.Union[int, str]))  # noqa: UP007  # its type is meant
_WITH_ATTRIBUTES: Final = (types.FunctionType, functools.partial, type(functools.lru_cache(len)))


def update_wrapper(
    wrapper: Any,
    wrapped: Any,
    assigned: Iterable[str] = _TITLES,
    updated: Iterable[str] = _DICT,
) -> Any:
    """Copy titles and attributes of a wrapped function to its wrapper, through the guards (A13)."""
    if not (is_own(wrapper) or wraps_own_function(wrapper)):
        raise TypeError(
            f"the name and attributes of a {type(wrapper).__name__!r} object cannot be set by job "
            "code; wrap it in a function of your own: def wrapper(*args): …"
        )
    assigned = tuple(assigned)
    for name in assigned:
        if type(name) is not str or not (name in _ASSIGNABLE or names.kind_of(name) == "plain"):
            raise TypeError(f"{name!r} cannot be copied; assigned names {', '.join(_TITLES)}")
    for name in (*assigned, *(each for of in updated for each in _held(wrapped, of))):
        with contextlib.suppress(AttributeError):
            _copy_attribute(wrapper, wrapped, name)
    return wrapper


def _copy_attribute(wrapper: Any, wrapped: Any, name: str) -> None:
    kind = names.kind_of(name)
    value = read(wrapped, name)
    is_title = name == "__doc__" or (name in names.WRITABLE_TITLES and type(value) is str)
    if is_title or kind == "plain" or (is_own(wrapper) and kind in {"watched", "private"}):
        setattr(write_own(wrapper, name) if kind == "private" else wrapper, name, value)


def _held(wrapped: Any, of: str) -> list[str]:
    """Return the names of the attributes set on a function, or on an object of job code's."""
    if of != "__dict__":
        raise TypeError("updated names __dict__ or nothing: updated=()")
    if type(wrapped) not in _WITH_ATTRIBUTES and not own.is_instance(wrapped):
        return []
    try:
        return list(object.__getattribute__(wrapped, "__dict__"))
    except AttributeError:
        return []


def wraps_own_function(value: Any) -> bool:
    """Return whether ``partial``, a cache or a decorator made it of a function of job code."""
    if type(value) is functools.partial:
        return own.is_function(value.func)
    made_of = getattr(value, "__wrapped__", None) if type(value) in _WITH_ATTRIBUTES else None
    return own.is_function(made_of)


def update_library_wrapper(
    wrapper: Any,
    wrapped: Any,
    assigned: Any = functools.WRAPPER_ASSIGNMENTS,
    updated: Any = functools.WRAPPER_UPDATES,
) -> Any:
    """Do what the library does, without copying the dictionary of a host class.

    A13: a cache, context or dispatcher made of a class would be given the raw methods in it, which
    check nothing, or which guards know in another form.
    """
    is_host = issubclass(type(wrapped), type) and not own.made(wrapped)
    return _library_update_wrapper(wrapper, wrapped, assigned, () if is_host else updated)


def wraps(
    wrapped: Any, assigned: Iterable[str] = _TITLES, updated: Iterable[str] = _DICT
) -> Callable[[Any], Any]:
    return lambda wrapper: update_wrapper(wrapper, wrapped, assigned, updated)


def lru_cache(maxsize: Any = 128, typed: Any = False) -> Any:  # noqa: FBT002  # the library's signature
    """Keep the latest results of a function, those of equal arguments of other classes apart.

    A1: the library's cache would compare a job's argument with the classes of other arguments, the
    real ``type`` among them. Here classes are compared with classes only.
    """
    if not typed:
        return functools.lru_cache(maxsize)
    if callable(maxsize):
        return _typed_cache(maxsize, 128)
    return lambda function: _typed_cache(function, maxsize)


def _typed_cache(function: Any, maxsize: Any) -> Any:
    def call(_kinds: Any, /, *args: Any, **named: Any) -> Any:
        return function(*args, **named)

    kept = functools.lru_cache(maxsize)(call)

    def cached(*args: Any, **named: Any) -> Any:
        return kept(tuple(map(type, (*args, *named.values()))), *args, **named)

    shown: Any = functools.update_wrapper(cached, function)
    shown.cache_info, shown.cache_clear = kept.cache_info, kept.cache_clear
    shown.cache_parameters = lambda: {"maxsize": maxsize, "typed": True}
    return shown


def total_ordering(cls: type) -> type:
    if not own.is_class(cls):
        raise TypeError("total_ordering decorates a class of your own")
    return functools.total_ordering(cls)


def singledispatch(function: Any) -> Any:
    """Dispatch on the first argument's class.

    ``@f.register`` takes a class, or stands above a function whose first parameter is annotated.
    """
    inner: Any = functools.singledispatch(function)

    def dispatching(*args: Any, **keywords: Any) -> Any:
        return inner(*args, **keywords)

    def register(kind: Any, method: Any = None) -> Any:
        kinds = _classes(kind)
        if method is None:
            return lambda given: register(kind, given)
        for each in kinds:
            inner.register(each, method)
        return method

    def dispatch(kind: Any) -> Any:
        [found] = _classes(kind)
        return inner.dispatch(found)

    for name in _TITLES if own.is_function(function) else ():
        _copy_attribute(dispatching, function, name)
    dispatching.register = register  # type: ignore[attr-defined]
    dispatching.dispatch = dispatch  # type: ignore[attr-defined]
    return dispatching


def _classes(kind: Any) -> tuple[type, ...]:
    """Return the classes a registration names: one, or those of ``int | str``."""
    alone = type(None) if kind is None else kind
    kinds = tuple(kind.__args__) if type(kind) in _UNIONS else (alone,)
    # A1: the library compares every loaded class with what these give for their bases.
    if not all(issubclass(type(each), type) for each in kinds):
        raise TypeError(
            "name the class: @function.register(int), or annotate the first parameter: "
            "def _(value: int)"
        )
    return kinds


def by_annotation(register: Any, annotation: Callable[[], Any]) -> Any:
    """Return what decorates a function with an annotated first parameter under ``@….register``."""
    ours = type(register) is types.FunctionType and register.__globals__ is globals()
    if not ours or register.__name__ != "register":
        return register  # something else's, which would not look at annotations
    return register(annotation())


def _bound(method: Any, instance: Any, owner: Any) -> Callable[..., Any]:
    """Return what reading ``method`` from a class, or from an instance of it, would give."""
    if own.is_function(method):
        return method if instance is None else MethodType(method, instance)
    return method.__get__(instance, owner)  # type: ignore[no-any-return]


def _is_method(value: Any) -> bool:
    return own.is_function(value) or (
        type(value) in {ClassMethod, staticmethod} and own.is_function(value.__func__)
    )


class singledispatchmethod(Frozen):  # noqa: N801  # stands in for functools.singledispatchmethod
    """A method that dispatches on the class of its first argument after ``self``."""

    __slots__ = ("_dispatching",)

    def __init__(self, function: Any) -> None:
        if not _is_method(function):
            raise TypeError(f"singledispatchmethod decorates a method, not {title(function)}")
        self._dispatching = singledispatch(function)

    @property
    def register(self) -> Any:
        return self._dispatching.register

    def __get__(self, instance: Any, owner: Any = None) -> Callable[..., Any]:
        dispatch = self._dispatching.dispatch

        def method(*args: Any, **keywords: Any) -> Any:
            if not args:
                raise TypeError("a singledispatchmethod requires at least 1 positional argument")
            found = dispatch(type(args[0]))
            if not _is_method(found):
                raise TypeError(f"a method is registered with a function, not {title(found)}")
            return _bound(found, instance, owner)(*args, **keywords)

        return method


class partialmethod(Frozen):  # noqa: N801  # stands in for functools.partialmethod
    """A method that calls another with some arguments given."""

    __slots__ = ("_args", "_function", "_keywords")

    def __init__(self, function: Any, /, *args: Any, **keywords: Any) -> None:
        if not _is_method(function):
            raise TypeError(f"partialmethod is made of a method, not of {title(function)}")
        self._function, self._args, self._keywords = function, args, keywords

    def __get__(self, instance: Any, owner: Any = None) -> Callable[..., Any]:
        is_bound = instance is not None or not own.is_function(self._function)
        function = _bound(self._function, instance, owner)

        def method(*args: Any, **keywords: Any) -> Any:
            first, rest = ((), args) if is_bound else (args[:1], args[1:])
            return function(*first, *self._args, *rest, **{**self._keywords, **keywords})

        return method
