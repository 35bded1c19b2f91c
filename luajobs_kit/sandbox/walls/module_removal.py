"""The removal of modules and functions that no run needs.

Python calls its audit hooks (``audit_hook.py``) for many operations, not for all: not for
``os.stat``, ``os.mkfifo`` or ``os.chroot``, and not for a C function that ctypes has already
loaded. Code that gets past the policy to real Python must not find these. So the fork server, once
it is prepared, empties ``ctypes`` and other modules, and has the operating system's functions
refuse, but for the few that a run needs. Children inherit that. What the server still needs
itself is kept in ``SystemCalls`` alone, which a child forgets.

This makes an attack harder; it is no wall by itself. It cannot remove the types of ``_ctypes``,
where a Linux wall was raised with them (``object.__subclasses__`` lists every class), nor modules
that a world has loaded itself.
"""

from __future__ import annotations

import sys
from types import BuiltinFunctionType
from typing import Final, NoReturn

_EMPTIED: Final = (
    "luajobs_kit.sandbox.walls.seccomp",
    "luajobs_kit.sandbox.walls.audit_hook",
    "ctypes",
    "_ctypes",
    "marshal",
    "_imp",  # loads built-in modules without an audit event
    "_posixsubprocess",  # starts programs, likewise
    "_interpreters",  # makes an interpreter that has no hooks; Python 3.15's library loads it
    "_xxsubinterpreters",  # the same before Python 3.13
    "pwd",  # reads the machine's users, and the hooks are not asked
    "grp",  # its groups, likewise
    "__main__",
)
"""Modules that are taken out of ``sys.modules`` and emptied, so that who holds one has nothing."""

_UNLISTED: Final = (
    "luajobs_kit.sandbox.server.fork_server",
    "luajobs_kit.sandbox.walls.walls",
    "luajobs_kit.sandbox.walls.linux",
    "luajobs_kit.sandbox.walls.system_calls",
    "luajobs_kit.sandbox.walls.module_removal",
)
"""Modules that are only taken out of ``sys.modules``: the fork server still runs their functions."""

_ALLOWED: Final = frozenset({
    "WEXITSTATUS", "WIFEXITED", "WTERMSIG", "_exit", "cpu_count", "fspath", "getpid", "getppid",
    "getrandom", "process_cpu_count", "read", "register_at_fork", "strerror", "times", "urandom",
    "write",
})  # fmt: skip
"""The operating system's functions that only compute, exit, or use an open descriptor."""

_SYSTEMS: Final = {"posix": "os", "_socket": "socket"}  # module → the one that re-exports it


def _refused(*_: object, **__: object) -> NoReturn:
    """Stand in for a function of the operating system, and refuse."""
    raise PermissionError(1, "Operation not permitted in job code")


def remove() -> None:
    """Remove them from this process, the fork server, and so from every child.

    It can import nothing that is not loaded from then on.
    """
    for system, wrapper in _SYSTEMS.items():
        module = sys.modules.get(system)
        if module is None:
            continue
        refusals = {
            name: _refused
            for name, value in vars(module).items()
            if type(value) is BuiltinFunctionType and name not in _ALLOWED
        }
        vars(module).update(refusals)
        if again := sys.modules.get(wrapper):
            vars(again).update({name: _refused for name in refusals if name in vars(again)})
    if known := sys.modules.get("subprocess"):
        vars(known)["_fork_exec"] = _refused
    parts = [name for name in sys.modules if name.startswith("ctypes.")]
    for name in [*_UNLISTED, *_EMPTIED, *parts]:
        module = sys.modules.pop(name, None)
        package, _, own = name.rpartition(".")
        if package in sys.modules:
            vars(sys.modules[package]).pop(own, None)
        if module is not None and name not in _UNLISTED:
            vars(module).clear()
