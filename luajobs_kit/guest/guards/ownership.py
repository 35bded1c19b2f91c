"""Ownership: the classes, instances and functions that are job code's own.

Ownership is decided by a mark that job code cannot forge, never by asking the object (A4).
"""

from __future__ import annotations

import types
from typing import Any, NoReturn, cast


def mro_of(kind: type) -> tuple[type, ...]:
    return cast("tuple[type, ...]", type.__dict__["__mro__"].__get__(kind))


def class_dict(kind: type) -> Any:
    return type.__dict__["__dict__"].__get__(kind)


def is_of(value: object, kind: Any) -> bool:
    """Return whether ``value`` is of this class, by identity of the classes in its MRO.

    A4: an abstract class may have any other class registered, so ``isinstance`` could be misled.
    A1: ``in`` would compare the host's classes with whatever passes for a class.
    """
    return any(each is kind for each in mro_of(type(value)))


class Own:
    """What belongs to job code in this run.

    Python writes the ``__name__`` of a class statement's globals into the class as its
    ``__module__``, the very object, from the first moment on: that is how a class made
    by job code is known, even while it is being made.
    """

    def __init__(self) -> None:
        self.globals: dict[str, Any] = {}
        self.mark = ""
        self._known: set[type] = set()
        self.groups = False
        """Whether job code made, or began to make, a class of exception groups."""
        self.fields: dict[type, set[str]] = {}
        """Guarded names of dataclass fields, by class: generated methods read them past the guards (A13)."""
        self.beside: dict[type, set[type]] = {}
        """Host classes that appear together with this job class in some MRO, also of classes still being
        built."""
        self.contexts: dict[int, Any] = {}
        """Decimal contexts kept alive as long as their flags may be in use: those point into their memory
        (A11)."""
        self.free: set[tuple[type, str]] = set()
        """Pairs of a job's class and a private name that no host class in its MRO defines: such names are
        read without a guard."""

    def made(self, kind: type) -> bool:
        """Whether job code made this class."""
        if kind in self._known:
            return True
        if class_dict(kind).get("__module__") is not self.mark:
            return False
        self._known.add(kind)
        return True

    def is_class(self, value: object) -> bool:
        return issubclass(type(value), type) and self.made(cast("type", value))

    def is_instance(self, value: object) -> bool:
        return self.made(type(value))

    def classes(self) -> list[type]:
        """Return the classes seen so far."""
        return list(self._known)

    def is_function(self, value: object) -> bool:
        return type(value) is types.FunctionType and value.__globals__ is self.globals


own = Own()


def begin(job_globals: dict[str, Any]) -> None:
    """Start a run: nothing is job code's own yet but what these globals will hold."""
    own.__init__()  # type: ignore[misc]  # the one object, made new
    own.globals = job_globals
    # A6: a literal would be the same object in every run of this process.
    own.mark = job_globals["__name__"] = "".join(list("job"))


def is_own(value: object) -> bool:
    """Whether ``value`` is a function, a class or an instance of a class of job code."""
    return own.is_function(value) or own.is_instance(value) or own.is_class(value)


def own_in(classes: tuple[type, ...], name: str) -> bool | None:
    """Return whether the first class that defines ``name`` is job code's own; None if none does."""
    for kind in classes:
        if name in class_dict(kind):
            return own.made(kind)
    return None


def host_defines(classes: tuple[type, ...], name: str) -> bool:
    """Whether a class that is not job code's defines ``name``, or answers any name at all."""
    return any(
        not own.made(kind) and (name in class_dict(kind) or "__getattr__" in class_dict(kind))
        for kind in classes
    )


def instance_dict(value: object) -> dict[str, Any] | None:
    """Return the attributes that an object holds itself, if it can."""
    try:
        return cast("dict[str, Any]", object.__getattribute__(value, "__dict__"))
    except AttributeError:
        return None


def after(value: super) -> tuple[type, ...]:
    """Return the classes a ``super()`` object looks into."""
    start = cast("type", object.__getattribute__(value, "__thisclass__"))
    of = cast("type", object.__getattribute__(value, "__self_class__"))
    classes = mro_of(of)
    return classes[classes.index(start) + 1 :]


def defined_by_own(value: Any, name: str) -> bool:
    """Whether what an object's class, or a class, has under ``name`` is job code's own."""
    if type(value) is super:
        return bool(own_in(after(value), name))
    kind = value if own.is_class(value) else type(value)
    return bool(own_in(mro_of(kind), name))


def refuse(value: object, name: str) -> NoReturn:
    """Raise ``AttributeError`` for an attribute that may exist and is closed to job code."""
    raise AttributeError(
        f"{title(value)}: the attribute {name!r} is out of job code's reach"
    ) from None


def title(value: object) -> str:
    """Return how messages name ``value``: by its class, without calling any of its methods."""
    if issubclass(type(value), type):
        return f"class {type.__getattribute__(cast('type', value), '__name__')!r}"
    if type(value).__name__ == "Facade":
        return f"module {repr(value)[9:-2]!r}"
    return f"{type(value).__name__!r} object"


def not_there(value: object, name: str) -> AttributeError:
    """Return the error, in Python's words, of an attribute that is missing."""
    what = title(value)
    if what.startswith("class "):
        what = what.replace("class", "type object", 1)  # as Python says it
    return AttributeError(f"{what} has no attribute {name!r}")
