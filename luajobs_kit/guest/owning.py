"""Which classes, instances and functions are job code's own."""

from __future__ import annotations

import types
from typing import Any, cast


def mro_of(kind: type) -> tuple[type, ...]:
    return cast("tuple[type, ...]", type.__dict__["__mro__"].__get__(kind))


def class_dict(kind: type) -> Any:
    return type.__dict__["__dict__"].__get__(kind)


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
        self.with_watched_fields: set[type] = set()
        """Dataclasses whose methods read, past the guards, what a library class may answer."""
        self.beside_watched: set[type] = set()
        """Classes that share a class, be it begun only, with a library's that does answer."""
        self.free: set[tuple[type, str]] = set()
        """Private names that no host class of a job's class defines: read as Python reads them."""

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

    def adopt(self, kind: type) -> None:
        """Take a class that was made for job code by a function of ours."""
        self._known.add(kind)

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
    # A literal would be one object in all runs of a process.
    own.mark = job_globals["__name__"] = "".join(list("job"))
