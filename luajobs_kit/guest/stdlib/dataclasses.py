"""``dataclass`` and ``field`` of job code, and the parts of the library that they call."""

from __future__ import annotations

import builtins
import dataclasses
import types
from typing import Any, Final

from luajobs_kit.guest.guards import names
from luajobs_kit.guest.guards.class_creation import adopt, plain_first, take_fields
from luajobs_kit.guest.guards.ownership import class_dict, mro_of, own, own_in
from luajobs_kit.guest.guards.read import read

_library_field: Final[Any] = dataclasses.field
_library_get_field: Final[Any] = dataclasses._get_field  # type: ignore[attr-defined]  # noqa: SLF001  # it has no other name
_SIGNATURE: Final = "(…)"
_NOTHING: Final = types.SimpleNamespace()


class Documentation:
    """The docstring of a dataclass that has none of its own."""

    def __get__(self, _instance: Any, owner: type) -> str:
        return f"{owner.__name__}{_SIGNATURE}"


def field(*, metadata: Any = None, **options: Any) -> Any:
    """Describe a field, whose metadata is its own even where it has none.

    A1: the library's fields without metadata share one dictionary, which a comparison shows.
    """
    return _library_field(metadata=_without_any() if metadata is None else metadata, **options)


_without_any: Final[Any] = getattr(
    builtins, "frozendict", dict
)  # what Python 3.15 shows, a new one


def get_field(cls: type, name: str, *rest: Any) -> Any:
    """Make a field of what its class has under its name, unless that is kept from job code.

    A13: the library takes for a default whatever ``getattr`` finds, also in base classes and in the
    metaclass, such as ``mro``. It also renames a ``Field`` that another class has already, which then
    reads that name of its own objects. The attribute is read once here, since a job's class may
    answer differently the second time (A4).
    """
    if not own.made(cls):
        return _library_get_field(cls, name, *rest)
    of_the_library = names.kind_of(name) != "plain" and not own_in(mro_of(cls), name)
    found = getattr(cls, name, dataclasses.MISSING)
    if found is dataclasses.MISSING:
        return _library_get_field(_NOTHING, name, *rest)
    if of_the_library:
        try:
            read(cls, name)
        except AttributeError:
            raise TypeError(
                f"{name!r} cannot be the name of a field without a default in {cls.__name__}: its "
                "class has something of that name already; call the field something else"
            ) from None
    if type(found) is dataclasses.Field and found.name not in {None, name}:
        raise TypeError(
            f"the field {name!r} of {cls.__name__} is that of {found.name!r} already; "
            "give each a field() of its own"
        )
    return _library_get_field(types.SimpleNamespace(**{name: found}), name, *rest)


def dataclass(cls: Any = None, /, **options: Any) -> Any:
    def decorate(given: Any) -> Any:
        if not own.is_class(given):
            raise TypeError("dataclass decorates a class of your own")
        take_fields(given, getattr(given, "__annotations__", {}))
        matched = options.get("match_args", True) and "__match_args__" not in class_dict(given)
        made: Any = dataclasses.dataclass(**{**options, "match_args": False})(given)
        take_fields(made, getattr(made, "__annotations__", {}))  # with slots it is another
        if matched:
            setattr(made, "__match_args__", _matched(made))  # noqa: B010  # mypy takes it for final
        return adopt(made)

    return decorate if cls is None else decorate(cls)


def _matched(made: Any) -> tuple[str, ...]:
    given = [
        field.name
        for field in made.__dataclass_fields__.values()
        if field.init and not field.kw_only and field._field_type is not dataclasses._FIELD_CLASSVAR  # type: ignore[attr-defined]  # noqa: SLF001  # as the library does
    ]
    return plain_first(given)


def without_signature(known: Any) -> Any:
    """Describe a dataclass without its signature.

    A8: the library computes a signature where the class has no docstring. It may be given as text,
    whose names are looked up in the host's modules.
    """
    return types.SimpleNamespace(**{**vars(known), "signature": lambda _, **_options: _SIGNATURE})
