"""One child as the fork server knows it: from fork to reaping."""

from __future__ import annotations

import os
import signal


class Forked:
    """One forked process, from fork to reaping."""

    def __init__(self, number: int, pid: int) -> None:
        self.number = number
        self.pid = pid
        self.taken = False
        self.deadline: float | None = None  # monotonic seconds
        self.why: str | None = None  # why this server killed it

    def kill(self, why: str) -> None:
        """End it. It is not reaped yet, so its pid is still its own."""
        self.why = self.why or why
        self.deadline = None
        if hasattr(os, "pidfd_open"):
            descriptor = os.pidfd_open(self.pid)
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            os.close(descriptor)
        else:
            os.kill(self.pid, signal.SIGKILL)
