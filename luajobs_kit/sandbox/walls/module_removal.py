"""The removal of modules and functions that no run needs, once a child's walls stand.

Python calls its audit hooks (``audit_hook.py``) for many operations, not for all: not for
``os.stat``, ``os.mkfifo`` or ``os.chroot``, and not for a C function that ctypes has already
loaded. Code that gets past the policy to real Python must not find these. So the modules that
raised the walls are emptied, and ``ctypes`` with them, and the operating system's functions
refuse, but for the few that a run needs.

This makes an attack harder; it is no wall by itself. It cannot remove the types of ``_ctypes``,
where a Linux wall was raised with them (``object.__subclasses__`` lists every class), nor modules
that a world has loaded itself.
"""

from __future__ import annotations

import sys
from types import BuiltinFunctionType, ModuleType
from typing import Any, Final, NoReturn

_REMOVED: Final = (
    "luajobs_kit.sandbox.server.fork_server",
    "luajobs_kit.sandbox.walls.walls",
    "luajobs_kit.sandbox.walls.seccomp",
    "luajobs_kit.sandbox.walls.linux",
    "luajobs_kit.sandbox.walls.audit_hook",
    "luajobs_kit.sandbox.walls.module_removal",
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
"""Modules that are emptied and taken out of ``sys.modules``; their functions stop working."""

_ALLOWED: Final = frozenset({
    "_exit", "cpu_count", "fspath", "getpid", "getppid", "getrandom", "process_cpu_count",
    "read", "register_at_fork", "strerror", "times", "urandom", "write",
})  # fmt: skip
"""The operating system's functions that only compute, exit, or use an open descriptor."""

_SYSTEMS: Final = {"posix": "os", "_socket": "socket"}  # module → the one that re-exports it

_refusals: Final[list[tuple[dict[str, Any], dict[str, Any]]]] = []


def _refused(*_: object, **__: object) -> NoReturn:
    """Stand in for a function of the operating system, and refuse."""
    raise PermissionError(1, "Operation not permitted in job code")


def prepare() -> None:
    """Collect, in the fork server, what each child will remove."""
    _refusals.clear()
    for system, wrapper in _SYSTEMS.items():
        module = sys.modules.get(system)
        if module is None:
            continue
        names = {
            name: _refused
            for name, value in vars(module).items()
            if type(value) is BuiltinFunctionType and name not in _ALLOWED
        }
        _refusals.append((vars(module), names))
        if again := sys.modules.get(wrapper):
            repeated = {name: _refused for name in names if name in vars(again)}
            _refusals.append((vars(again), repeated))
    if known := sys.modules.get("subprocess"):
        _refusals.append((vars(known), {"_fork_exec": _refused}))


def remove() -> None:
    """Remove it all from this process."""
    for names, refusals in _refusals:
        names.update(refusals)
    modules = sys.modules
    removed: list[ModuleType] = []
    for name in [*_REMOVED, *(each for each in modules if each.startswith("ctypes."))]:
        module = modules.pop(name, None)
        if module is not None:
            removed.append(module)
            package, _, own = name.rpartition(".")
            if package in modules:
                vars(modules[package]).pop(own, None)
    for module in removed:  # this module among them
        module.__dict__.clear()
