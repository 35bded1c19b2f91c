"""The enumerations that job code inherits from, made by a metaclass that checks members."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Any

from luajobs_kit.guest.guards import names
from luajobs_kit.guest.guards.class_creation import adopt, check_keywords, let_inherit
from luajobs_kit.guest.guards.ownership import class_dict, is_of, mro_of, own, title


class _EnumType(enum.EnumType):
    """Metaclass that checks that members are instances, and names in the call form (A3, A5)."""

    def __new__(
        metacls, name: str, bases: tuple[type, ...], namespace: Any, **keywords: Any
    ) -> Any:
        check_keywords(keywords)
        if "_simple" in keywords:  # the library's switch to skip the checks of members
            raise TypeError(f"{name}: _simple= is not allowed in job code")
        if own.mark:  # before the class can be seen, by a hook of the job's (__init_subclass__)
            _keep_mark(name, namespace)
        return super().__new__(metacls, name, bases, namespace, **keywords)

    @classmethod
    def _find_new_(cls, classdict: Any, member_type: Any, first_enum: Any) -> Any:
        """Check what ``__new__`` returns. A3: the library sets attributes on it."""
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
            # A3: the library calls it for combinations of members, too, unchecked.
            raise TypeError(f"{class_name}: flags cannot be of a class with a __new__ of its own")
        return member_type, first_enum

    def __call__(cls, value: Any, *args: Any, **keywords: Any) -> Any:
        check_keywords(keywords)
        if cls.__members__ or (not args and not keywords):
            found = super().__call__(value, *args)
            # Job code may change the table of members. A flag with the boundary EJECT gives a number.
            if not is_of(found, cls) and type(found) is not int:
                raise TypeError(f"{value!r} of {cls.__name__} is no member of it")
            return found
        if set(keywords) - {"names", "start", "boundary"} or len(args) > 1:
            raise TypeError("make an enumeration with a name and its members' names")
        given = args[0] if args else keywords.pop("names", ())
        members = _checked_members(given)
        return adopt(super().__call__(str(value), members, module=own.mark, **keywords))


def _keep_mark(name: str, namespace: dict[str, Any]) -> None:
    """Have a class that is to be made bear job code's mark, whatever its ``_ignore_`` names (A12)."""
    if "_ignore_" in namespace:
        ignored = list(namespace["_ignore_"])
        for each in ignored:
            if type(each) is not str or names.kind_of(each) not in {"plain", "private", "watched"}:
                raise TypeError(
                    f"{name}: _ignore_ cannot hold {each if type(each) is str else title(each)}"
                )
        dict.__setitem__(namespace, "_ignore_", ignored)  # a list that the job does not hold
    namespace["__module__"] = own.mark


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
