"""A wall of Python's own: what the interpreter asks its audit hooks before it does it.

Python tells of every file it opens, every module it loads, every process, socket and
library (PEP 578), and a hook that raises refuses it. A hook cannot be taken out again.
It is no wall against code that corrupts memory, but it stands on every system, and what
slips past the policy mostly ends where it would open or load something.

What job code can reach in Python it can change, and these functions may be reached: by the
frame of an error they raise, for one. So they decide by constants of their own code alone,
which cannot be changed, and look nothing up before they allow. What they look up to refuse
may be anybody's: then something else is raised, which refuses as well. To exchange their
code is itself an event, and refused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any


def begin() -> None:
    """Refuse, from now on in this process, whatever an honest run has no use for."""
    sys.addaudithook(_refuse)


def last() -> Callable[[], None]:
    """Return what refuses code made of bytes, to be called when the job's own has been read.

    Whoever chooses the instructions crashes the interpreter with them, or leads it to any
    address.
    """
    return partial(sys.addaudithook, _refuse_bytecode)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in {
        "builtins.id",
        "compile",  # the library makes dataclasses and named tuples of text
        "exec",
        "marshal.dumps",  # a child that compiles
        "marshal.loads",  # and one that runs what was compiled
        "object.__getattr__",  # the guards look at the frames of generators
        "sys._getframe",  # the library asks who made a class
        "sys._getframemodulename",
        "sys.addaudithook",  # the one below
        "sys.excepthook",
        "sys.unraisablehook",
    }:
        return
    if event in {"object.__setattr__", "object.__delattr__"} and arguments[1] != "__code__":
        return  # of any function: of one of these, that is
    if event == "import":
        raise ImportError(
            "nothing is imported any more in job code"
        )  # which looking up codecs expects
    raise PermissionError(1, f"Operation not permitted in job code: {event}")


def _refuse_bytecode(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in {"marshal.loads", "marshal.load", "marshal.dumps", "sys.addaudithook"}:
        raise PermissionError(1, f"Operation not permitted in job code: {event}")
