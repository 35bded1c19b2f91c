"""A wall of Python's own: what the interpreter asks its audit hooks before it does it.

Python tells of every file it opens, every module it loads, every process, socket and
library (PEP 578), and a hook that raises refuses it. A hook cannot be taken out again.
It is no wall against code that corrupts memory, but it stands on every system, and what
slips past the policy mostly ends where it would open or load something.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Any


def begin() -> None:
    """Refuse, from now on in this process, whatever an honest run has no use for."""
    sys.addaudithook(_refuse)


def _refuse(event: str, _arguments: tuple[Any, ...]) -> None:
    # A constant of the code, so that nothing it looks up could be changed.
    if event in {
        "builtins.id",
        "compile",  # the library makes dataclasses and named tuples of text
        "exec",
        "marshal.dumps",  # a child that compiles
        "marshal.loads",  # and one that runs what was compiled
        "object.__getattr__",  # the guards look at the frames of generators
        "object.__setattr__",
        "object.__delattr__",
        "sys._getframe",  # the library asks who made a class
        "sys._getframemodulename",
        "sys.excepthook",
        "sys.unraisablehook",
    }:
        return
    if event == "import":
        raise ImportError(
            "nothing is imported any more in job code"
        )  # which looking up codecs expects
    raise PermissionError(errno.EPERM, f"{os.strerror(errno.EPERM)} in job code: {event}")
