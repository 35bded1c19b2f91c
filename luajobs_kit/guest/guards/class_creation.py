"""Class creation: the checks on bases, slots, fields and patterns of classes that job code makes (A12)."""

from __future__ import annotations

import builtins
import enum
import importlib
import itertools
import types
import typing
from collections.abc import Callable, Iterable
from datetime import date, time
from fractions import Fraction
from functools import cache
from typing import Any, Final

from luajobs_kit.guest.guards import names
from luajobs_kit.guest.guards.ownership import class_dict, is_of, mro_of, own, title
from luajobs_kit.guest.guards.type_object import ALIASES

_BUILTINS: Final = (
    "bytearray bytes complex dict float frozenset int list object property set str tuple"
)
_LISTED: Final = {
    "abc": "ABC",
    "calendar": "Calendar HTMLCalendar TextCalendar",
    "collections": "ChainMap Counter OrderedDict UserDict UserList defaultdict deque",
    "contextlib": "AbstractAsyncContextManager AbstractContextManager AsyncExitStack "
    "ContextDecorator ExitStack",
    "datetime": "date datetime time timedelta tzinfo",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "json": "JSONDecoder JSONEncoder",
    "numbers": "Complex Integral Number Rational Real",
    "random": "Random",
    "statistics": "NormalDist",
    "string": "Template",
    "textwrap": "TextWrapper",
    "typing": "Any Generic Protocol",
}


@cache
def _allowed() -> set[type]:
    found = {getattr(builtins, name) for name in _BUILTINS.split()}
    found |= {getattr(builtins, name) for name in ["frozendict"] if hasattr(builtins, name)}  # 3.15
    for module, listed in _LISTED.items():
        real = importlib.import_module(module)
        found |= {getattr(real, name) for name in listed.split()}
    abstract = importlib.import_module("collections.abc")
    known = vars(abstract)  # not asked by getattr, which warns of what is to go
    found |= {known[name] for name in abstract.__all__ if name in known}  # it has a loader, too
    # These two are functions that stand for a class.
    found |= set(types.resolve_bases((typing.NamedTuple, typing.TypedDict)))
    return {each for each in found if isinstance(each, type)}


def inheritable(base: type) -> bool:
    """Whether job code may make subclasses of a class that is not its own."""
    return base in _allowed() or issubclass(base, BaseException)


def let_inherit(base: type) -> None:
    """Allow one more: our own enumerations, the ``datetime`` of a simulation."""
    _allowed().add(base)


_WRITTEN_TO: Final = (date, time, Fraction)  # and datetime, which is a date
"""Classes whose own code writes to what ``__new__`` returned without checking it (A3)."""
_STAND_FOR_CLASSES: Final = (*ALIASES, typing.NewType, types.FunctionType)  # NamedTuple is one


def build_class(function: Any, name: str, /, *bases: Any, **keywords: Any) -> Any:
    """Make a class as Python does, with its bases checked before and its slots after (A12)."""
    check_keywords(keywords)
    if "metaclass" in keywords:
        raise TypeError("metaclass= is not allowed in job code")
    for base in bases:
        if not issubclass(type(base), (type, *_STAND_FOR_CLASSES)):
            raise TypeError(f"a class inherits from classes, not from {title(base)}")
    classes = types.resolve_bases(bases)  # what Field[int] or List[str] stand for
    for base in classes:
        if not issubclass(type(base), type):
            # A12: Python would call the base's type as a metaclass.
            raise TypeError(f"a class inherits from classes, not from {title(base)}")
        if not (own.made(base) or inheritable(base)):
            raise TypeError(f"job code cannot inherit from {base.__name__}")
        _check_patterns(base)
        own.groups = own.groups or issubclass(base, BaseExceptionGroup)
    _keep_fields_apart(classes)
    is_written_to = any(issubclass(kind, _WRITTEN_TO) for kind in classes)
    if is_written_to:
        _keep_new_apart(classes)
    if is_written_to or classes is not bases:
        keywords["metaclass"] = _Resolved(bases, classes is not bases, is_written_to)
    return adopt(builtins.__build_class__(function, name, *classes, **keywords))


def check_keywords(keywords: dict[str, Any]) -> None:
    """Refuse keywords of a subclass of ``str``, which decides itself what it equals (A5)."""
    if not all(type(each) is str for each in keywords):
        raise TypeError("keywords must be strings")


def _keep_fields_apart(bases: tuple[type, ...]) -> None:
    """Refuse to mix a dataclass that has a field such as ``format`` with a class that defines it.

    A13: the dataclass's generated methods would read the host's attribute past the guards. This is
    checked before the class's body runs, since the body could already use such a class.
    """
    kinds = {kind for base in bases for kind in mro_of(base)}
    mine = {kind for kind in kinds if own.made(kind)}
    hosts = kinds - mine
    for kind in mine:
        if clash := _answered(_fields_of(kind), hosts):
            raise TypeError(
                f"the dataclass {kind.__name__} cannot be mixed with these bases: one of its "
                f"fields and one of their attributes are called {clash!r}"
            )
    for kind in mine:
        own.beside.setdefault(kind, set()).update(hosts)


def _fields_of(kind: type) -> set[str]:
    """Return the fields of a dataclass with guarded names.

    A class that ``dataclass`` makes anew for its slots has fields before ``take_fields`` records them.
    """
    return own.fields.get(kind, set()) | _guarded(class_dict(kind).get("__dataclass_fields__", ()))


def _guarded(fields: Iterable[str]) -> set[str]:
    return {name for name in fields if not _is_plain(name)} - names.ENUM_NAMES


def _keep_new_apart(bases: tuple[type, ...]) -> None:
    """Refuse an unchecked ``__new__`` from a class mixed with a date, time or Fraction (A3)."""
    for kind in {each for base in bases for each in mro_of(base)}:
        checked = issubclass(kind, _WRITTEN_TO) or issubclass(type(kind), enum.EnumType)
        if own.made(kind) and "__new__" in class_dict(kind) and not checked:
            raise TypeError(
                f"{kind.__name__} has a __new__ and cannot be mixed with a date, time or Fraction; "
                "define __new__ in the class itself"
            )


def _giving_its_own(new: Any) -> Callable[..., Any]:
    """Return a ``__new__`` that checks that it returns an instance of its class (A3)."""
    function = new.__func__ if type(new) is staticmethod else new
    if not own.is_function(function):
        raise TypeError("__new__ of a date, time or Fraction must be a function of your own")

    def checked(kind: type, *args: Any, **keywords: Any) -> Any:
        made = function(kind, *args, **keywords)
        if not is_of(made, kind):
            raise TypeError(f"__new__ of {title(kind)} gave something that is none")
        return made

    checked.__name__ = checked.__qualname__ = "__new__"
    return checked


def _answered(fields: set[str], hosts: Iterable[type]) -> str | None:
    """Return the first of ``fields`` that one of these library classes has an attribute for."""
    return min(
        (name for name in fields for kind in hosts if name in class_dict(kind)), default=None
    )


def take_fields(kind: type, fields: Iterable[Any]) -> None:
    """Record the fields of a class that is to become a dataclass, or refuse one of them.

    A8: the library writes their names into source that it executes. A13: that source reads
    attributes past the guards.
    """
    fields = tuple(fields)
    for name in fields:
        usual = type(name) is str and name.isidentifier()
        if not usual or not _is_usual(name):
            raise TypeError(f"{name!r} cannot be a field's name")
    guarded = _guarded(fields)
    if not guarded:
        return
    hosts = {each for each in mro_of(kind) if not own.made(each)} | own.beside.get(kind, set())
    if clash := _answered(guarded, hosts):
        raise TypeError(
            f"{clash!r} cannot be a field's name in {kind.__name__}, which is mixed with a "
            "class that has an attribute of that name; call the field something else"
        )
    own.fields.setdefault(kind, set()).update(guarded)


class _Resolved:
    """A metaclass argument that makes a class of exactly the bases that were checked.

    A4: Python would call ``__mro_entries__`` of the written bases again, and a job's object may answer
    differently the second time.
    """

    def __init__(self, written: tuple[Any, ...], stood_for: bool, is_written_to: bool) -> None:  # noqa: FBT001  # two facts of the bases
        self._written = written
        self._stood_for = stood_for  # whether the written ones stand for others
        self._is_written_to = is_written_to
        self._kind: Any = type

    def __prepare__(self, name: str, bases: tuple[Any, ...], /, **keywords: Any) -> Any:
        self._kind, namespace, _ = types.prepare_class(name, bases, keywords)
        return namespace

    def __call__(
        self, name: str, bases: tuple[Any, ...], namespace: Any, /, **keywords: Any
    ) -> Any:
        if self._stood_for:
            namespace["__orig_bases__"] = self._written
        if self._is_written_to and "__new__" in namespace:
            namespace["__new__"] = _giving_its_own(namespace["__new__"])
        return self._kind(name, bases, namespace, **keywords)


def adopt(made: Any) -> Any:
    """Return a class made for job code, once its patterns and slots are checked (A12).

    A class without the mark was made by the host, and job code must not own it.
    """
    if not own.is_class(made):
        raise TypeError(f"this makes classes of your own, not {title(made)}")
    _trim_patterns(made)
    _check_patterns(made)
    _check_slots(made)
    return made


def _trim_patterns(kind: Any) -> None:
    """Limit the fields of a named tuple that patterns name by position to those before a guarded one."""
    listed = class_dict(kind).get("__match_args__")
    if issubclass(kind, tuple) and "_fields" in class_dict(kind) and type(listed) is tuple:
        setattr(kind, "__match_args__", plain_first(listed))  # noqa: B010  # mypy takes it for final


def _check_patterns(kind: type) -> None:
    for each in getattr(kind, "__match_args__", ()):
        if type(each) is not str or not _is_plain(each):
            raise TypeError(f"__match_args__ of {kind.__name__} cannot hold {each!r}")


def _check_slots(kind: type) -> None:
    for name, value in class_dict(kind).items():  # ``__slots__`` may be an iterator that is used up
        if type(value) is types.MemberDescriptorType and not _is_usual(name):
            raise TypeError(f"__slots__ of {kind.__name__} cannot hold {name!r}")


def _is_usual(name: str) -> bool:
    """Return whether job code's own objects may have an attribute of this name."""
    return names.kind_of(name) in {"plain", "private", "watched"}


def plain_first(fields: Iterable[str]) -> tuple[str, ...]:
    """Return the fields that patterns may name by position: those before the first guarded one.

    A13: a class pattern reads them past the guards, from any object that passes for the class (A4).
    """
    return tuple(itertools.takewhile(_is_plain, fields))


def _is_plain(name: str) -> bool:
    return names.kind_of(name) == "plain"


def star_classes(kinds: Any) -> Any:
    """Return the classes after ``except*``, unless job code has an exception group class of its own.

    A11: Python takes what a group's ``split()`` returns for two exception groups without a check.
    """
    if own.groups:
        raise TypeError(
            "except* cannot be used beside an exception group class of your own; "
            "use: except ExceptionGroup as group, and look at group.exceptions"
        )
    return kinds


def annotation(expression: Callable[[], Any]) -> Any:
    """Return a class attribute's annotation; what only exists outside the job is ``object``."""
    try:
        found = expression()
    except (NameError, AttributeError, TypeError):
        return object
    return object if issubclass(type(found), str) else found
