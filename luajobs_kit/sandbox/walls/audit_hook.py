"""The audit hooks of a child: the interpreter's own wall.

Python calls its audit hooks before it opens a file, loads a module, or starts a process, opens a
socket or loads a library (PEP 578). A hook that raises prevents that, and no hook can be removed.
This wall does not stop code that corrupts memory, but it stands on every system, and code that
gets past the policy mostly fails where it would open or load something.

Job code can change every Python object that it reaches, and it may reach these functions, for
instance by the frame of an error that they raise. So they decide by the constants of their own
code alone, which cannot be changed, and look up no name before they allow an event. They do look
up names to raise an error. If job code has replaced those, another error is raised, which refuses
as well. Replacing a function's ``__code__`` is an event itself, and refused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any


def hooks() -> tuple[Callable[[], None], Callable[[], None]]:
    """Return two functions that add a hook each to the process that calls them.

    The first hook refuses every event that an honest run does not need. The last one refuses to
    unmarshal code; call it once the job's code is unmarshalled. Bytecode of an attacker's choice
    can crash the interpreter, or make it read and write any address.
    """
    return partial(sys.addaudithook, _refuse), partial(sys.addaudithook, _refuse_bytecode)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in {
        "builtins.id",
        "compile",  # the library compiles text for dataclasses and named tuples
        "exec",
        "marshal.dumps",  # in a child that compiles
        "marshal.loads",  # in a child that runs
        "object.__getattr__",  # the guards read the frames of generators
        "sys._getframe",  # the library reads which module makes a class
        "sys._getframemodulename",
        "sys.addaudithook",  # adds the last hook
        "sys.excepthook",
        "sys.unraisablehook",
    }:
        return
    if event in {"object.__setattr__", "object.__delattr__"} and arguments[1] != "__code__":
        return  # ``__code__`` might be that of a function here
    if event == "import":
        # The look-up of codecs expects this class.
        raise ImportError("nothing is imported any more in job code")
    raise PermissionError(1, f"Operation not permitted in job code: {event}")


def _refuse_bytecode(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in {"marshal.loads", "marshal.load", "marshal.dumps", "sys.addaudithook"}:
        raise PermissionError(1, f"Operation not permitted in job code: {event}")
