"""The walls' calls to the Linux kernel, by ctypes alone.

What the fork server calls for itself is called here. What each child calls is prepared here, with
its arguments, and given as a function: a child needs ctypes no more, and ``forget_ctypes`` has let
go of it.
"""

from __future__ import annotations

import os
import platform
import signal
import struct
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from luajobs_kit.sandbox.walls import seccomp

if TYPE_CHECKING:
    import ctypes  # noqa: TC004  # ``_libc`` loads it, before anything here uses it

LINUX: Final = sys.platform == "linux"

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

# How many file rights each Landlock version has (bits from 0): 13 in the first; later ones added
# refer, truncate and ioctl on devices.
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}


class WallFailed(OSError):
    """A wall that this kernel offers could not be raised."""


def demand(answer: int, wall: str) -> int:
    """Return ``answer``, a system call's result. Raises ``WallFailed`` when the call failed."""
    if answer < 0:
        raise WallFailed(ctypes.get_errno(), f"{wall}: {os.strerror(ctypes.get_errno())}")
    return answer


def conceal() -> bool:
    """Make this process unreadable to other processes of its user: no core dumps, no tracing.

    Engine, fork server and children each call it. Returns whether it holds, which is on Linux only.
    """
    return LINUX and _libc().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0


_loaded: ctypes.CDLL | None = None


def _libc() -> ctypes.CDLL:
    # Loaded once, and only where a wall needs it: ctypes gives access to all memory.
    global _loaded, ctypes  # noqa: PLW0603
    if _loaded is None:
        import ctypes  # noqa: PLC0415

        _loaded = ctypes.CDLL(None, use_errno=True)
        _loaded.prctl.argtypes = (
            ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong,
        )  # fmt: skip
        _loaded.syscall.restype = ctypes.c_long
    return _loaded


def forget_ctypes() -> None:
    """Let go of the library and of ctypes; only what was prepared before still works."""
    global _loaded, ctypes  # noqa: PLW0603
    _loaded = ctypes = None  # type: ignore[assignment]  # nothing here may use it any more


KernelCall = Callable[[], int]
"""A prepared call. Its answer is below zero when it failed."""


def end_with_parent() -> KernelCall:
    """Prepare that the calling process ends with the one that forked it."""
    return partial(_libc().prctl, _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def gain_no_privileges() -> int:
    return int(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def enter_filter() -> KernelCall | None:
    """Prepare entering the seccomp filter; None where there is no seccomp."""
    target = seccomp.machine()
    if target is None or _libc().prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) < 0:
        return None
    code = seccomp.program(target)
    instructions = ctypes.create_string_buffer(code, len(code))
    # A ``struct sock_fprog``: how many instructions, and where.
    whole = struct.pack("@HP", len(code) // 8, ctypes.addressof(instructions))
    program = ctypes.create_string_buffer(whole, len(whole))
    _ALIVE.extend((instructions, program))
    address = ctypes.addressof(program)
    return partial(_libc().prctl, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, address, 0, 0)


def enter_namespaces() -> str | None:
    """Leave the host's network and shared memory; return None, or why that failed."""
    before = os.readlink("/proc/self/ns/net")  # noqa: PTH115  # this process does without pathlib
    private = _CLONE_NEWNET | _CLONE_NEWIPC
    # Without root the other namespaces need a user namespace. Where the kernel allows no user
    # namespaces, root can enter the others alone.
    for flags in (_CLONE_NEWUSER | private, private):
        if _libc().unshare(flags) == 0:
            if os.readlink("/proc/self/ns/net") == before:  # noqa: PTH115  # likewise
                break
            return None
    return f"this system does not allow it here ({os.strerror(ctypes.get_errno())})"


def drop_capabilities() -> int:
    """Give up every capability, for this process and those it forks."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    return int(_libc().capset(ctypes.byref(header), ctypes.byref(nothing)))


def landlock_version() -> int:
    if platform.machine() not in seccomp.MACHINES:
        return 0
    return int(_libc().syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_VERSION))


def enter_rules(version: int, close: Callable[[int], None]) -> KernelCall:
    """Prepare entering a new Landlock domain of an empty rule set.

    An empty set allows no file, TCP port, abstract socket, or signal to outside processes.
    ``close`` closes a descriptor.
    """
    words = [(1 << _FILE_RIGHTS.get(version, 16)) - 1]
    if version >= 4:  # which added TCP
        words.append(0b11)  # bind, connect
    if version >= 6:  # which added scopes
        words.append(0b11)  # abstract sockets, signals
    rights = (ctypes.c_uint64 * len(words))(*words)
    size = ctypes.c_size_t(ctypes.sizeof(rights))
    syscall = _libc().syscall
    create = partial(syscall, _LANDLOCK_CREATE, ctypes.byref(rights), size, 0)

    def enter() -> int:
        rules = int(create())
        if rules < 0:
            return rules
        answer = int(syscall(_LANDLOCK_RESTRICT, rules, 0))
        close(rules)
        return answer

    return enter


_ALIVE: Final[list[Any]] = []  # memory whose address the kernel is given must not be freed
