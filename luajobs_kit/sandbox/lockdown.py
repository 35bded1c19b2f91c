"""The operating system's walls around a child, by ctypes alone.

Each wall is raised by every child for itself, before it is given anything, except the
namespaces, which the fork server enters once and its children inherit. What a kernel
lacks is skipped and reported (``Walls.report``); a wall that should stand and does
not ends the child before it is ready.
"""

from __future__ import annotations

import ctypes
import math
import os
import platform
import resource
import signal
import sys
from collections.abc import Iterable
from typing import Any, Final

from luajobs_kit.sandbox import seccomp

LINUX: Final = sys.platform == "linux"

# Name → what it stops. Those of ALWAYS stand on every system this kit runs on.
WALLS: Final = {
    "process": "a crash, a memory leak or an endless loop reaching the engine or another run",
    "descriptors": "use of files and sockets the engine had open",
    "environment": "reading environment variables, tokens in them, the working directory",
    "limits": "using more memory or processor time than allowed; writing files; starting processes",
    "parent": "running on after the fork server is gone",
    "hidden": "another process of this user reading this one's memory, or tracing it",
    "privileges": "using root's capabilities, or gaining any by running another program",
    "namespaces": "reaching a network interface, or shared memory of the host",
    "landlock": "opening, listing, making or removing any file; signals to other processes",
    "seccomp": "system calls: sockets, processes, threads, files, signals, tracing, new code",
}
ALWAYS: Final = ("process", "descriptors", "environment")

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_GET_SECCOMP: Final = 21
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2
_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_NEWIPC: Final = 0x08000000
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_CAPABILITY_VERSION_3: Final = 0x20080522
_LANDLOCK_CREATE: Final = 444  # the same on every architecture
_LANDLOCK_RESTRICT: Final = 446
_LANDLOCK_VERSION: Final = 1  # a flag: answer the version, create nothing

# How many file rights each Landlock version can handle (bits from 0): the first 13, then
# refer, truncate, ioctl on devices.
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}


class WallFailed(OSError):
    """A wall that this kernel offers could not be raised."""


def conceal() -> bool:
    """Make this process unreadable to others of the same user (no dumps, no tracing).

    The engine calls it for itself; the fork server and every child do. Returns whether
    it holds here: it is Linux's.
    """
    return LINUX and _libc().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0


class Walls:
    """The walls asked for, prepared once in the fork server, raised in every child.

    ``options``: ``names`` (of ``WALLS``; None for all), ``memory`` in bytes and ``cpu``
    in seconds, the largest any run may be given.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        names: Iterable[str] | None = options["names"]
        self._wanted = set(WALLS if names is None else names) | set(ALWAYS)
        self._memory: int = options["memory"]
        self._cpu = math.ceil(options["cpu"])
        self._skipped: dict[str, str] = dict.fromkeys(WALLS, "switched off")
        for name in self._wanted:
            self._skipped.pop(name, None)
        if not LINUX:
            for name in ("parent", "hidden", "privileges", "namespaces", "landlock", "seccomp"):
                self._skip(name, f"{platform.system()} has nothing like it")
            return
        self._landlock = _landlock_version()
        if self._landlock < 1:
            self._skip("landlock", "this kernel has no Landlock, or starts without it")
        self._filter = _prepare_filter()
        if self._filter is None:
            self._skip(
                "seccomp", f"no filter for {platform.machine()}, or no seccomp in the kernel"
            )

    def report(self) -> list[dict[str, Any]]:
        """Return each wall's name, whether it is raised here, what it stops, and a note."""
        return [
            {"name": name, "holds": name not in self._skipped, "stops": stops,
             "note": self._skipped.get(name, "")}
            for name, stops in WALLS.items()
        ]  # fmt: skip

    def raise_around_server(self) -> None:
        """Enter what children inherit: the namespaces; and hide the fork server itself."""
        if self._stands("namespaces"):
            self._skip("namespaces", _enter_namespaces())
        if self._stands("hidden") and not conceal():
            self._skip("hidden", "the kernel refused to hide the process")

    def raise_around_child(self, parent: int) -> None:
        """Raise every wall around this process; ``parent`` is the fork server's pid.

        Raises ``WallFailed`` when one that should stand does not.
        """
        if self._stands("parent"):
            _demand(_libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "parent")
            if os.getppid() != parent:
                raise WallFailed("the fork server is gone already")
        if self._stands("hidden"):
            _demand(_libc().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "hidden")
        if any(self._stands(name) for name in ("privileges", "landlock", "seccomp")):
            # The other two may be raised without root only by who cannot gain privileges.
            _demand(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "privileges")
        if self._stands("privileges"):
            _drop_capabilities()
        if self._stands("landlock"):
            _close_file_system(self._landlock)
        if self._stands("limits"):
            self._set_limits()
        if self._stands("seccomp"):
            _demand(
                _libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, self._filter, 0, 0), "seccomp"
            )

    def lower_limits(self, pid: int, *, memory: int, cpu: float) -> bool:
        """Lower the limits of the child ``pid`` from outside: bytes, and seconds of processor.

        Returns whether it was given less memory than a spare has. Where the system cannot
        lower them (macOS), the child keeps the workspace's largest.
        """
        less_memory = memory < self._memory
        if not LINUX or not self._stands("limits"):
            return less_memory
        seconds = math.ceil(cpu)
        # Only down: a child has the workspace's largest, and keeps what is less.
        if less_memory:
            resource.prlimit(pid, resource.RLIMIT_AS, (memory, memory))
        if seconds < self._cpu:
            resource.prlimit(pid, resource.RLIMIT_CPU, (seconds, seconds + 1))
        return less_memory

    def _set_limits(self) -> None:
        for what, soft, hard in (
            (resource.RLIMIT_AS, self._memory, self._memory),
            (resource.RLIMIT_CPU, self._cpu, self._cpu + 1),
            (resource.RLIMIT_NOFILE, 1, 1),  # the socket, and nothing beside it
            (resource.RLIMIT_FSIZE, 0, 0),
            (resource.RLIMIT_CORE, 0, 0),
            (resource.RLIMIT_NPROC, 0, 0),
            (resource.RLIMIT_MEMLOCK, 0, 0),
        ):
            _, has = resource.getrlimit(what)
            if has != resource.RLIM_INFINITY:
                soft, hard = min(soft, has), min(hard, has)  # noqa: PLW2901  # never up
            try:
                resource.setrlimit(what, (soft, hard))
            except (ValueError, OSError) as error:
                if LINUX:
                    raise WallFailed(f"limits: {error}") from error
                # macOS knows some limits by name only, and refuses to set them.

    def _stands(self, name: str) -> bool:
        return name in self._wanted and name not in self._skipped

    def _skip(self, name: str, why: str | None) -> None:
        if why is not None and name in self._wanted:
            self._skipped[name] = why


_loaded: ctypes.CDLL | None = None


def _libc() -> ctypes.CDLL:
    global _loaded  # noqa: PLW0603  # loaded once, and only where it is used
    if _loaded is None:
        _loaded = ctypes.CDLL(None, use_errno=True)
        _loaded.prctl.argtypes = (
            ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong,
        )  # fmt: skip
        _loaded.syscall.restype = ctypes.c_long
    return _loaded


def _demand(answer: int, wall: str) -> None:
    if answer < 0:
        raise WallFailed(ctypes.get_errno(), f"{wall}: {os.strerror(ctypes.get_errno())}")


def _enter_namespaces() -> str | None:
    """Leave the host's network and shared memory; return why not, or None."""
    before = os.readlink("/proc/self/ns/net")  # noqa: PTH115  # pathlib is more than this process needs
    private = _CLONE_NEWNET | _CLONE_NEWIPC
    # Without root a user namespace is what allows the others; where only root may
    # (no user namespaces), root needs none.
    for flags in (_CLONE_NEWUSER | private, private):
        if _libc().unshare(flags) == 0:
            if os.readlink("/proc/self/ns/net") == before:  # noqa: PTH115  # likewise
                break
            return None
    return f"this system does not allow it here ({os.strerror(ctypes.get_errno())})"


def _drop_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _demand(_libc().capset(ctypes.byref(header), ctypes.byref(nothing)), "privileges")


def _landlock_version() -> int:
    if platform.machine() not in seccomp.MACHINES:
        return 0
    return int(_libc().syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_VERSION))


def _close_file_system(version: int) -> None:
    """Allow no file, no TCP port, no abstract socket, no signal outside: a set with no rule."""
    words = [(1 << _FILE_RIGHTS.get(version, 16)) - 1]
    if version >= 4:  # the version that brought TCP
        words.append(0b11)  # bind, connect
    if version >= 6:  # the version that brought scopes
        words.append(0b11)  # abstract sockets, signals
    rights = (ctypes.c_uint64 * len(words))(*words)
    rules = _libc().syscall(
        _LANDLOCK_CREATE, ctypes.byref(rights), ctypes.c_size_t(ctypes.sizeof(rights)), 0
    )
    _demand(rules, "landlock")
    _demand(_libc().syscall(_LANDLOCK_RESTRICT, rules, 0), "landlock")
    os.close(rules)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def _prepare_filter() -> ctypes.c_void_p | None:
    """Return the address of the kernel's ``struct sock_fprog``, or None without seccomp."""
    target = seccomp.machine()
    if target is None or _libc().prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) < 0:
        return None
    code = seccomp.program(target)
    held = ctypes.create_string_buffer(code, len(code))
    instructions = ctypes.cast(held, ctypes.c_void_p)
    whole = _Program(len(code) // 8, instructions)
    _KEPT.extend((held, whole))
    return ctypes.cast(ctypes.byref(whole), ctypes.c_void_p)


_KEPT: Final[list[Any]] = []  # what the kernel is given the address of must not be freed
