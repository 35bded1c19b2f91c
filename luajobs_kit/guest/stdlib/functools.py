"""Our versions of library functions that would read or write attributes past the guards."""

from __future__ import annotations

import collections
import contextlib
import enum
import functools
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from types import MethodType
from typing import Any, Final

from luajobs_kit.guest.guards import names
from luajobs_kit.guest.guards.class_creation import adopt, check_keywords, let_inherit
from luajobs_kit.guest.guards.ownership import class_dict, is_of, mro_of, own, title
from luajobs_kit.guest.guards.read import read
from luajobs_kit.guest.guards.sealed import Frozen, closed, for_instances
from luajobs_kit.guest.guards.write import write_own
from luajobs_kit.guest.stdlib import copy as job_copy
from luajobs_kit.guest.stdlib.patch import NEW, OTHER, Patch

# operator


class attrgetter(Frozen):  # noqa: N801  # stands in for operator.attrgetter
    __slots__ = ("_paths",)

    def __init__(self, *attributes: str) -> None:
        if not attributes or any(type(each) is not str for each in attributes):
            raise TypeError("attribute name must be a string")
        self._paths = [each.split(".") for each in attributes]

    def __call__(self, value: Any, /) -> Any:
        found = tuple(functools.reduce(read, path, value) for path in self._paths)
        return found[0] if len(found) == 1 else found


class methodcaller(Frozen):  # noqa: N801  # stands in for operator.methodcaller
    __slots__ = ("_args", "_keywords", "_name")

    def __init__(self, name: str, /, *args: Any, **keywords: Any) -> None:
        if type(name) is not str:
            raise TypeError("method name must be a string")
        self._name, self._args, self._keywords = name, args, keywords

    def __call__(self, value: Any, /) -> Any:
        return read(value, self._name)(*self._args, **self._keywords)


# functools


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
    """Give a decorator's function what is said of the one it wraps, and its attributes."""
    if not (is_own(wrapper) or stands_for_own(wrapper)):
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


def is_own(value: Any) -> bool:
    return own.is_function(value) or own.is_instance(value) or own.is_class(value)


def stands_for_own(value: Any) -> bool:
    """Whether it was made of a function of job code's: by ``partial``, a cache, a context."""
    if type(value) is functools.partial:
        return own.is_function(value.func)
    made_of = getattr(value, "__wrapped__", None) if type(value) in _WITH_ATTRIBUTES else None
    return own.is_function(made_of)


def wraps(
    wrapped: Any, assigned: Iterable[str] = _TITLES, updated: Iterable[str] = _DICT
) -> Callable[[Any], Any]:
    return lambda wrapper: update_wrapper(wrapper, wrapped, assigned, updated)


def lru_cache(maxsize: Any = 128, typed: Any = False) -> Any:  # noqa: FBT002  # the library's signature
    """Keep the latest results of a function, those of equal arguments of other classes apart.

    The library's would compare arguments with the classes of others, the real ``type`` among
    them. Here classes are compared with classes.
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
    # The library compares every class there is with what passes for the bases of these.
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


# functools and contextlib, inside


def _with_own_attributes(
    wrapper: Any,
    wrapped: Any,
    assigned: Any = functools.WRAPPER_ASSIGNMENTS,
    updated: Any = functools.WRAPPER_UPDATES,
) -> Any:
    """Do what the library does, and leave out what is in a class that is not job code's."""
    is_host = issubclass(type(wrapped), type) and not own.made(wrapped)
    return _library_update_wrapper(wrapper, wrapped, assigned, () if is_host else updated)


# contextlib


def callback(self: Any, callback: Any, /, *args: Any, **keywords: Any) -> Any:
    """Have a stack call ``callback`` at its end.

    The library asks the stack, which may be of a job's class, for what it calls then, and
    writes to the answer.
    """
    stack: Any = contextlib.ExitStack
    self._push_exit_callback(stack._create_cb_wrapper(callback, *args, **keywords))  # noqa: SLF001  # as the library does
    return callback


def _pop_all(self: Any) -> Any:
    """Give what is on a stack to a new one: the library writes to whatever its class gives."""
    made = type(self)()
    if type(made) is not type(self):
        raise TypeError(f"a new {type(self).__name__!r} object became something else")
    made._exit_callbacks, self._exit_callbacks = self._exit_callbacks, collections.deque()  # noqa: SLF001  # likewise
    return made


def push_async_callback(self: Any, callback: Any, /, *args: Any, **keywords: Any) -> Any:
    """Have a stack await ``callback`` at its end."""
    stack: Any = contextlib.AsyncExitStack
    wrapper = stack._create_async_cb_wrapper(callback, *args, **keywords)  # noqa: SLF001  # likewise
    self._push_exit_callback(wrapper, False)  # likewise
    return callback


PATCHES: Final = (
    # A cache, a context or a dispatcher of a class is given all that is in it, as it is: of a
    # class of ours, methods that ask nobody whose they are; of one of the library's, those that
    # guards know by another form.
    Patch(
        "functools:update_wrapper",
        OTHER,
        "making: takes a method as it is from the cache of a class",
        lambda _: _with_own_attributes,
    ),
    Patch(
        "contextlib:_BaseExitStack.callback",
        NEW,
        "making: has a stack write to a library's function",
        lambda _: callback,
    ),
    Patch(
        "contextlib:AsyncExitStack.push_async_callback",
        NEW,
        "making: has an async stack write to a library's function",
        lambda _: push_async_callback,
    ),
    Patch(
        "contextlib:_BaseExitStack.pop_all",
        NEW,
        "making: has a stack put on something of the library's what is on it",
        lambda _: for_instances(_pop_all, contextlib.ExitStack.__mro__[1]),
    ),
)

# copy

shallow_copy, deep_copy = job_copy.shallow_copy, job_copy.deep_copy

# collections


def namedtuple(
    typename: str,
    field_names: Any,
    *,
    rename: bool = False,
    defaults: Iterable[Any] | None = None,
) -> Any:
    make: Any = collections.namedtuple  # noqa: PYI024  # it is what was asked for
    made = make(typename, field_names, rename=rename, defaults=defaults, module=own.mark)
    return adopt(made)


# enum


class _EnumType(enum.EnumType):
    """Enumerations whose members are their own, and whose call form takes ordinary names only."""

    def __new__(
        metacls, name: str, bases: tuple[type, ...], namespace: Any, **keywords: Any
    ) -> Any:
        check_keywords(keywords)
        if "_simple" in keywords:  # the library's way to leave out all it does to make members
            raise TypeError(f"{name}: _simple= is not allowed in job code")
        return super().__new__(metacls, name, bases, namespace, **keywords)

    @classmethod
    def _find_new_(cls, classdict: Any, member_type: Any, first_enum: Any) -> Any:
        """Let ``__new__`` give members only: the library sets attributes of what it gives."""
        find: Any = super()
        new, *rest = find._find_new_(classdict, member_type, first_enum)
        if new is object.__new__:
            return new, *rest

        def checked(kind: type, *args: Any) -> Any:
            made = new(kind, *args)
            if not is_of(made, kind):
                raise TypeError(f"__new__ of {title(kind)} gave something that is no member")
            return made

        return checked, *rest

    @classmethod
    def _get_mixins_(cls, class_name: str, bases: Any) -> Any:
        find: Any = super()
        member_type, first_enum = find._get_mixins_(class_name, bases)
        is_flag = first_enum is not None and issubclass(first_enum, enum.Flag)
        if is_flag and any("__new__" in class_dict(each) for each in _own_in(member_type)):
            # The library calls it for combinations of members, too.
            raise TypeError(f"{class_name}: flags cannot be of a class with a __new__ of its own")
        return member_type, first_enum

    def __call__(cls, value: Any, *args: Any, **keywords: Any) -> Any:
        check_keywords(keywords)
        if cls.__members__ or (not args and not keywords):
            found = super().__call__(value, *args)
            # What the library keeps may be changed. A flag that ejects gives a number.
            if not is_of(found, cls) and type(found) is not int:
                raise TypeError(f"{value!r} of {cls.__name__} is no member of it")
            return found
        if set(keywords) - {"names", "start", "boundary"} or len(args) > 1:
            raise TypeError("make an enumeration with a name and its members' names")
        given = args[0] if args else keywords.pop("names", ())
        members = _checked_members(given)
        return adopt(super().__call__(str(value), members, module=own.mark, **keywords))


def _own_in(kind: type) -> list[type]:
    return [each for each in mro_of(kind) if own.made(each)]


def _checked_members(given: Any) -> list[Any]:
    if isinstance(given, str):
        given = str(given).replace(",", " ").split()
    pairs: Iterable[Any] = given.items() if isinstance(given, Mapping) else given
    members: list[Any] = []
    for each in pairs:
        name, value = (each, None) if isinstance(each, str) else tuple(each)
        if type(name) is not str or names.kind_of(name) not in {"plain", "watched"}:
            raise ValueError(f"an enumeration's member cannot be named {name!r}")
        members.append(name if isinstance(each, str) else (name, value))
    return members


class Enum(enum.Enum, metaclass=_EnumType):
    pass


class IntEnum(enum.IntEnum, metaclass=_EnumType):
    pass


class StrEnum(enum.StrEnum, metaclass=_EnumType):
    pass


class Flag(enum.Flag, metaclass=_EnumType):
    pass


class IntFlag(enum.IntFlag, metaclass=_EnumType):
    pass


for _kind in (Enum, IntEnum, StrEnum, Flag, IntFlag):
    _kind.__module__ = "enum"
    let_inherit(_kind)


class ClassMethod(classmethod):  # type: ignore[type-arg]  # of any function
    """What job code knows as ``classmethod``.

    Methods are compared by the functions they were made of. An object of a job's own, which says
    itself what it equals, would be shown the function of whatever method it is compared with.
    """

    def __init__(self, function: Any) -> None:
        super().__init__(closed(function) if own.is_instance(function) else function)


ClassMethod.__name__ = ClassMethod.__qualname__ = "classmethod"
ClassMethod.__module__ = "builtins"


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
