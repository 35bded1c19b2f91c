"""The methods of exit stacks that would otherwise write to whatever a job's subclass returns (A3)."""

from __future__ import annotations

import collections
import contextlib
from typing import Any


def callback(self: Any, callback: Any, /, *args: Any, **keywords: Any) -> Any:
    """Have a stack call ``callback`` at its end.

    A3: the library calls a method of the stack, which may be of a job's class, for the function to
    call then, and writes to what it returned.
    """
    stack: Any = contextlib.ExitStack
    self._push_exit_callback(stack._create_cb_wrapper(callback, *args, **keywords))  # noqa: SLF001  # as the library does
    return callback


def pop_all(self: Any) -> Any:
    """Move what is on a stack to a new one. A3: the library writes to whatever its class returns."""
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
