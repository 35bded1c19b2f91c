"""One child as the fork server knows it: from fork to reaping."""

from __future__ import annotations

import os
import signal
import socket


class Forked:
    """One forked process, from fork to reaping."""

    def __init__(self, number: int, pid: int, host_end: socket.socket) -> None:
        self.number = number
        self.pid = pid
        self.host_end: socket.socket | None = host_end  # ours until it is handed over
        self.ready = False
        self.taken = False
        self.deadline: float | None = None  # monotonic seconds
        self.why: str | None = None  # why this server killed it
        self.descriptor = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None

    def kill(self, why: str) -> None:
        """End it. It is not reaped yet, so its pid is still its own."""
        self.why = self.why or why
        self.deadline = None
        if self.descriptor is not None:
            signal.pidfd_send_signal(self.descriptor, signal.SIGKILL)
        else:
            os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
        if self.host_end is not None:
            self.host_end.close()
            self.host_end = None
