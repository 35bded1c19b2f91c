"""The builtins of job code."""

from __future__ import annotations

import builtins
from typing import Any, Final

from luajobs_kit.guest.guards import class_creation, dunder, names, type_object
from luajobs_kit.guest.guards import read as read_guard
from luajobs_kit.guest.guards import write as write_guard
from luajobs_kit.guest.guards.ownership import own
from luajobs_kit.guest.imports import Imports, for_the_interpreter
from luajobs_kit.guest.runtime.run import current, without_argument
from luajobs_kit.guest.stdlib import functools as job_functools
from luajobs_kit.guest.stdlib.io import StringIO
from luajobs_kit.guest.stdlib.sys import LogStream

_UNCHANGED: Final = (
    "abs aiter all anext any ascii bin bool bytearray bytes callable chr complex dict "
    "divmod enumerate filter float format frozenset hash hex id int isinstance "
    "issubclass iter len list map max memoryview min next object oct ord pow property "
    "range repr reversed round set slice sorted staticmethod str sum super tuple zip "
    "Ellipsis False None NotImplemented True"
)
AS_THEY_ARE: Final = tuple(_UNCHANGED.split())
"""Builtins that are Python's own."""

NEW: Final = ("frozendict", "sentinel")
"""Likewise, since Python 3.15."""

GUARDED: Final = (
    *("classmethod", "delattr", "dir", "getattr", "hasattr", "print"),
    *("setattr", "type", "vars"),
)
"""Builtins of ours, which do the same under the policy."""

EXCEPTIONS: Final = tuple(
    sorted(
        name
        for name, value in vars(builtins).items()
        if isinstance(value, type)
        and issubclass(value, BaseException)
        and not name.startswith("_")
        and name not in {"ImportCycleError", "PythonFinalizationError"}  # of some Pythons only
    )
)

_FILES: Final = (StringIO, LogStream)
"""What ``print`` writes to, beside objects of job code's, which only have to have a ``write()``."""

_MISSING: Final = object()


def _everyday() -> dict[str, Any]:
    new = [name for name in NEW if hasattr(builtins, name)]
    return {name: getattr(builtins, name) for name in (*AS_THEY_ARE, *new, *EXCEPTIONS)} | {
        "classmethod": type_object.ClassMethod,
        "delattr": _delattr,
        "dir": _dir,
        "getattr": _getattr,
        "hasattr": _hasattr,
        "print": _print,
        "setattr": _setattr,
        "type": type_object.Type,
        "vars": _vars,
        "__build_class__": class_creation.build_class,
        "__import__": for_the_interpreter,
        "__debug__": True,
        names.READ: read_guard.read,
        names.WRITE: write_guard.write,
        names.WRITE_OWN: write_guard.write_own,
        names.WRITE_TITLE: write_guard.write_title,
        names.WRITE_SPECIAL: write_guard.write_special,
        names.ANNOTATION: class_creation.annotation,
        names.EXCEPT_STAR: class_creation.star_classes,
        names.REGISTER: job_functools.by_annotation,
        names.NO_ARGUMENT: without_argument,
    }


def builtins_for(imports: Imports) -> dict[str, Any]:
    """Return the ``__builtins__`` of job code: everyday names, and the guards under theirs."""
    _builtins[names.IMPORT] = imports.find
    return _builtins


def _name(given: object) -> str:
    if type(given) is not str:
        raise TypeError(f"attribute name must be a string, not {type(given).__name__!r}")
    return given


def _getattr(value: Any, name: str, default: Any = _MISSING, /) -> Any:
    try:
        return read_guard.read(value, _name(name))
    except AttributeError:
        if default is _MISSING:
            raise
        return default


def _hasattr(value: Any, name: str, /) -> bool:
    try:
        read_guard.read(value, _name(name))
    except AttributeError:
        return False
    return True


def _target(value: Any, name: str) -> Any:
    kind = names.kind_of(_name(name))
    if name in names.WRITABLE_TITLES:
        return write_guard.write_title(value)
    if name in names.SETTABLE_METHODS:
        return write_guard.write_special(value)
    if kind in {"dunder", "refused"}:
        raise AttributeError(f"the attribute {name!r} belongs to Python and cannot be set")
    return write_guard.write_own(value, name) if kind == "private" else write_guard.write(value)


def _setattr(value: Any, name: str, new: Any, /) -> None:
    setattr(_target(value, name), name, new)


def _delattr(value: Any, name: str, /) -> None:
    delattr(_target(value, name), name)


def _dir(value: Any = _MISSING, /) -> list[str]:
    if value is _MISSING:
        raise TypeError("dir() needs an object in job code: dir(object)")
    return [name for name in dir(value) if _hasattr(value, name) and not names.is_dunder(name)]


def _vars(value: Any = _MISSING, /) -> Any:
    if value is _MISSING:
        raise TypeError("vars() needs an object in job code: vars(object)")
    try:
        return dunder.attributes(value)
    except AttributeError as error:
        raise TypeError(f"vars() argument must have __dict__ attribute: {error}") from None


def _print(  # what job code knows as print
    *values: Any,
    sep: str | None = " ",
    end: str | None = "\n",
    file: Any = None,
    flush: bool = False,  # print's own signature
) -> None:
    if not (file is None or own.is_instance(file) or type(file) in _FILES):
        raise TypeError(
            "print(file=…) writes to io.StringIO(), or to an object of yours that has a write(); "
            "without it, what is printed is the run's log"
        )
    # A5: what is written passes the masking of secrets, which would call methods of a subclass of
    # str with the secrets.
    between, after = (_exact(name, text) for name, text in (("sep", sep), ("end", end)))
    text = (" " if between is None else between).join([str(value) for value in values])
    text += "\n" if after is None else after
    if file is not None:
        read_guard.read(file, "write")(text)
        return
    this = current()
    this.write(text)
    if flush:
        this.end_line()


def _exact(name: str, text: str | None) -> str | None:
    if text is None or type(text) is str:
        return text
    raise TypeError(f"{name} must be None or a string, not {type(text).__name__}")


for _ours in (_getattr, _hasattr, _setattr, _delattr, _dir, _vars, _print):
    _ours.__name__ = _ours.__qualname__ = _ours.__name__[
        1:
    ]  # for Python's messages about wrong calls


# One dictionary for all runs of a process (the rehearsal in the fork server, and the run itself). To
# build it anew would change the reference count of every object in it, and so make each child copy
# the memory pages they lie in.
_builtins: Final = _everyday()
