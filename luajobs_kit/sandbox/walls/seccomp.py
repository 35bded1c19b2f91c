"""The allow-list of a child's system calls, as a BPF program.

A child has one descriptor, and everything it needs in memory. So the list holds what an
interpreter needs to compute, to wait and to use an open socket, and nothing that opens files,
connects, starts processes, sends signals, traces or makes code executable. Other calls fail with
"operation not permitted", which Python raises as an ordinary error. A call of another
architecture, or of x86-64's x32 table, is made by an attack only, and ends the process.
"""

from __future__ import annotations

import platform
import struct
import sys
from typing import Final, NamedTuple


class Machine(NamedTuple):
    """One architecture: its number in the audit table and its system call numbers."""

    audit: int
    calls: dict[str, int]
    x32: bool  # has a second table of calls, selected by bit 30 of the number


# For memory, time, waiting, randomness, returning from signals, exiting.
_X86_64: Final = {
    "read": 0, "write": 1, "close": 3, "poll": 7, "mmap": 9, "mprotect": 10, "munmap": 11,
    "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "sched_yield": 24,
    "mremap": 25, "madvise": 28, "nanosleep": 35, "getpid": 39, "exit": 60, "gettimeofday": 96,
    "sigaltstack": 131, "gettid": 186, "time": 201, "futex": 202, "restart_syscall": 219,
    "clock_gettime": 228, "clock_nanosleep": 230, "exit_group": 231, "ppoll": 271,
    "getrandom": 318,
}  # fmt: skip
_AARCH64: Final = {
    "close": 57, "read": 63, "write": 64, "ppoll": 73, "exit": 93, "exit_group": 94, "futex": 98,
    "nanosleep": 101, "clock_gettime": 113, "clock_nanosleep": 115, "sched_yield": 124,
    "restart_syscall": 128, "sigaltstack": 132, "rt_sigaction": 134, "rt_sigprocmask": 135,
    "rt_sigreturn": 139, "gettimeofday": 169, "getpid": 172, "gettid": 178, "brk": 214,
    "munmap": 215, "mremap": 216, "mmap": 222, "mprotect": 226, "madvise": 233, "getrandom": 278,
}  # fmt: skip
MACHINES: Final = {
    "x86_64": Machine(0xC000003E, _X86_64, x32=True),
    "aarch64": Machine(0xC00000B7, _AARCH64, x32=False),
}

# Allowed only without PROT_EXEC: no memory is ever made executable.
_NO_EXECUTE: Final = ("mmap", "mprotect")
_PROT_EXEC: Final = 0x4

_LOAD: Final = 0x20  # a 32-bit word of seccomp_data
_JUMP_EQUAL: Final = 0x15
_JUMP_AT_LEAST: Final = 0x35
_JUMP_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06

_AT_NUMBER: Final = 0
_AT_ARCHITECTURE: Final = 4
_AT_THIRD_ARGUMENT: Final = 16 + 2 * 8  # its lower half, both machines being little-endian

_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | 1  # EPERM
_KILL: Final = 0x80000000  # the whole process
_X32_BIT: Final = 0x40000000


def machine() -> Machine | None:
    """Return the table for this machine; None when there is none."""
    if sys.platform != "linux" or sys.byteorder != "little" or sys.maxsize < 2**32:
        return None
    return MACHINES.get(platform.machine())


def program(target: Machine) -> bytes:
    """Return the filter as an array of the kernel's ``struct sock_filter``."""
    plain = [number for name, number in target.calls.items() if name not in _NO_EXECUTE]
    guarded = [target.calls[name] for name in _NO_EXECUTE]
    code = [
        _instruction(_LOAD, _AT_ARCHITECTURE),
        _instruction(_JUMP_EQUAL, target.audit, 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _AT_NUMBER),
    ]
    if target.x32:
        code += [_instruction(_JUMP_AT_LEAST, _X32_BIT, 0, 1), _instruction(_RETURN, _KILL)]
    # Each test that matches jumps forward, to the check of PROT_EXEC or to "allow". The program ends
    # with: tests…, refuse, load argument, test PROT_EXEC, refuse, allow.
    tests = len(plain) + len(guarded)
    for index, number in enumerate([*plain, *guarded]):
        after = tests - index - 1  # tests that follow this one
        to_check = after + 1
        to_allow = after + 4
        target_jump = to_allow if index < len(plain) else to_check
        code.append(_instruction(_JUMP_EQUAL, number, target_jump, 0))
    code += [
        _instruction(_RETURN, _REFUSE),
        _instruction(_LOAD, _AT_THIRD_ARGUMENT),
        _instruction(_JUMP_ANY_BIT, _PROT_EXEC, 0, 1),
        _instruction(_RETURN, _REFUSE),
        _instruction(_RETURN, _ALLOW),
    ]
    return b"".join(code)


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, operand)
