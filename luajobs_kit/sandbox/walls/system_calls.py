"""The calls to the operating system that the fork server makes, and a child until its walls stand."""

from __future__ import annotations

import _socket
import os
import signal

from luajobs_kit.sandbox.walls.linux import KernelCall


class SystemCalls:
    """The functions themselves, kept here alone.

    Everywhere else in the fork server's process they refuse once it is prepared
    (``module_removal.py``): children inherit that. A child forgets these when its walls stand.
    """

    end_with_parent: KernelCall
    enter_rules: KernelCall
    enter_filter: KernelCall | None  # None where there is no seccomp

    def __init__(self) -> None:
        self.fork = os.fork
        self.waitpid = os.waitpid
        self.close = os.close
        self.closerange = os.closerange
        self.dup2 = os.dup2
        self.socketpair = _socket.socketpair
        self._kill = os.kill
        self._pidfd_open = getattr(os, "pidfd_open", None)  # Linux's

    def kill(self, pid: int) -> None:
        """Kill a child that is not reaped yet, so that its pid is still its own."""
        if self._pidfd_open is None:
            self._kill(pid, signal.SIGKILL)
            return
        descriptor = self._pidfd_open(pid)
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        self.close(descriptor)

    def forget(self) -> None:
        """Let go of all of them."""
        vars(self).clear()
