"""What a child has in memory and no run has a use for, taken away once the walls stand.

Python asks its audit hooks (see ``audit``) about much, not about all: a foreign function that
was found once is called unasked, and so are ``os.stat``, ``os.mkfifo`` or ``os.chroot``. So code
that found its way past the policy to real Python shall not find these: the modules go that
raised the walls, with what they asked the kernel by, and of the operating system's functions
all but the few that a run needs refuse.

It makes such code's way longer, and is no wall by itself. What cannot be taken away: the
types of ``_ctypes``, where a wall of Linux's was raised by them (``object.__subclasses__``
names every class there is), and whatever module a world itself has loaded.
"""

from __future__ import annotations

import sys
from types import BuiltinFunctionType, ModuleType
from typing import Any, Final, NoReturn

_GONE: Final = (
    "luajobs_kit.sandbox.server.fork_server",
    "luajobs_kit.sandbox.walls.walls",
    "luajobs_kit.sandbox.walls.seccomp",
    "luajobs_kit.sandbox.walls.linux",
    "luajobs_kit.sandbox.walls.audit_hook",
    "luajobs_kit.sandbox.walls.module_removal",
    "ctypes",
    "_ctypes",
    "marshal",
    "_imp",  # makes modules of what is built in, and the hooks are not asked
    "_posixsubprocess",  # starts programs, likewise
    "__main__",
)
"""Emptied, and taken out of the list of modules. Their functions work no more."""

_KEPT: Final = frozenset({
    "_exit", "cpu_count", "fspath", "getpid", "getppid", "getrandom", "process_cpu_count",
    "read", "register_at_fork", "strerror", "times", "urandom", "write",
})  # fmt: skip
"""The operating system's functions that do nothing but compute, end, or use what is open."""

_SYSTEMS: Final = {"posix": "os", "_socket": "socket"}  # the module, and who repeats its functions

_refusals: Final[list[tuple[dict[str, Any], dict[str, Any]]]] = []


def _refused(*_: object, **__: object) -> NoReturn:
    """Stand for a function of the operating system."""
    raise PermissionError(1, "Operation not permitted in job code")


def prepare() -> None:
    """Find in the fork server what every child of it takes away."""
    _refusals.clear()
    for system, repeating in _SYSTEMS.items():
        module = sys.modules.get(system)
        if module is None:
            continue
        names = {
            name: _refused
            for name, value in vars(module).items()
            if type(value) is BuiltinFunctionType and name not in _KEPT
        }
        _refusals.append((vars(module), names))
        if again := sys.modules.get(repeating):
            repeated = {name: _refused for name in names if name in vars(again)}
            _refusals.append((vars(again), repeated))
    if known := sys.modules.get("subprocess"):
        _refusals.append((vars(known), {"_fork_exec": _refused}))


def remove() -> None:
    """Take it all away from this process."""
    for names, refusals in _refusals:
        names.update(refusals)
    modules = sys.modules
    gone: list[ModuleType] = []
    for name in [*_GONE, *(each for each in modules if each.startswith("ctypes."))]:
        module = modules.pop(name, None)
        if module is not None:
            gone.append(module)
            package, _, own = name.rpartition(".")
            if package in modules:
                vars(modules[package]).pop(own, None)
    for module in gone:  # this one among them
        module.__dict__.clear()
