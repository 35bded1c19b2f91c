"""The fork server: forks spares ahead, hands them over, keeps their time, reaps them.

A fresh interpreter runs ``main`` on one thread, with no environment, in a session of
its own. It reads frames from the engine only, never from a child, and neither
unmarshals nor executes job code. It alone signals and reaps children, so no pid is
signalled after its reuse. When the engine's end of the control socket closes, it
kills what runs and leaves.

From the engine: ``{"take": id, "limits": {...}}``, ``{"end": child}``.
To the engine: ``{"hello": {...}}``, ``{"took": id, "child": n}`` with a descriptor,
``{"refused": id, "why": text}``, ``{"exit": child, "how": ..., "number": ..., "why": ...}``.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections import deque
from contextlib import suppress
from types import ModuleType
from typing import Any, Final

from luajobs_kit.sandbox import child, lockdown

REFILL_DELAY: Final = 0.004  # seconds without work before a spare is forked ahead
MOST_FAILURES: Final = 3  # spares in a row that may die before they are ready


class Child:
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


class ForkServer:
    """The loop and its children."""

    def __init__(self, control: socket.socket, options: dict[str, Any]) -> None:
        self._control = control
        self._options = options
        self._world: ModuleType = importlib.import_module(options["world"])
        self._policy: ModuleType = importlib.import_module(options["policy"])
        self._walls = lockdown.Walls(options["walls"])
        self._selector = selectors.DefaultSelector()
        self._wakeup, wakeup = socket.socketpair()
        self._wakeup_writer = wakeup
        self._children: dict[int, Child] = {}  # by number
        self._waiting: deque[dict[str, Any]] = deque()  # takes that found no spare ready
        self._held = b""
        self._last_number = 0
        self._failures = 0
        self._leaving = False

    def run(self) -> None:
        """Serve until the engine is gone; then kill and reap every child."""
        self._prepare()
        self._tell({"hello": {"policy": self._policy.POLICY, "walls": self._walls.report()}})
        try:
            while not self._leaving:
                self._turn()
        finally:
            for one in self._children.values():
                one.kill("end")
            for one in self._children.values():
                os.waitpid(one.pid, 0)

    def _prepare(self) -> None:
        """Load all that is loaded lazily, enter the shared walls, freeze what is there."""
        preload = getattr(self._world, "preload", None)
        if preload is not None:
            preload()
        self._walls.raise_around_server()
        for end in (self._wakeup, self._wakeup_writer):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup_writer.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._control, selectors.EVENT_READ, self._read_control)
        self._selector.register(self._wakeup, selectors.EVENT_READ, self._reap)
        gc.collect()
        gc.freeze()

    def _turn(self) -> None:
        events = self._selector.select(self._patience())
        for key, _ in events:
            if isinstance(key.data, Child):
                self._greet(key.data)
            else:
                key.data()
        self._kill_late()
        self._serve_waiting()
        if not events and self._short_of_spares():
            self._fork()

    def _patience(self) -> float | None:
        """Return how long to wait for something to happen, in seconds."""
        if self._short_of_spares():
            return REFILL_DELAY
        deadlines = [one.deadline for one in self._children.values() if one.deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _short_of_spares(self) -> bool:
        if self._failures >= MOST_FAILURES:
            return False
        return self._spares_coming() < int(self._options["spares"])

    def _spares_coming(self) -> int:
        return sum(not one.taken and one.why is None for one in self._children.values())

    # -- what the engine asks for ------------------------------------------------------

    def _read_control(self) -> None:
        data = self._control.recv(65536)
        if not data:
            self._leaving = True
            return
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "take" in message:
                self._failures = 0
                self._waiting.append(message)
            else:
                ended = self._children.get(message["end"])
                if ended is not None:
                    ended.kill("end")

    def _serve_waiting(self) -> None:
        while self._waiting:
            spare = next(
                (one for one in self._children.values() if one.ready and not one.taken), None
            )
            if spare is None:
                break
            self._hand_over(spare, self._waiting.popleft())
        if self._failures >= MOST_FAILURES:
            self._refuse_waiting(
                "new processes of the sandbox end before they are ready; "
                "`luajobs doctor` shows which wall fails"
            )
        for _ in range(len(self._waiting) - self._spares_coming()):
            self._fork()

    def _hand_over(self, spare: Child, request: dict[str, Any]) -> None:
        limits = request["limits"]
        try:
            self._walls.lower_limits(spare.pid, memory=limits["memory"], cpu=limits["cpu"])
        except OSError:
            # Whatever it is, it will not hold its limits: the next spare may.
            spare.ready = False
            spare.kill("end")
            self._waiting.appendleft(request)
            return
        spare.taken = True
        spare.deadline = time.monotonic() + limits["timeout"]
        host_end = spare.host_end
        assert host_end is not None
        self._tell({"took": request["take"], "child": spare.number}, host_end.fileno())
        host_end.close()
        spare.host_end = None

    def _refuse_waiting(self, why: str) -> None:
        while self._waiting:
            self._tell({"refused": self._waiting.popleft()["take"], "why": why})

    def _tell(self, message: dict[str, Any], descriptor: int | None = None) -> None:
        data = json.dumps(message).encode() + b"\n"
        try:
            if descriptor is None:
                self._control.sendall(data)
            else:
                sent = socket.send_fds(self._control, [data], [descriptor])
                self._control.sendall(data[sent:])
        except OSError:
            self._leaving = True

    # -- children ----------------------------------------------------------------------

    def _fork(self) -> None:
        host_end, guest_end = socket.socketpair()
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            host_end.close()
            guest_end.close()
            self._failures = MOST_FAILURES
            self._refuse_waiting(f"no process could be started: {error}")
            return
        if pid == 0:
            child.live(guest_end.fileno(), self._walls, parent, self._world, self._policy)
        guest_end.close()
        self._last_number += 1
        one = Child(self._last_number, pid, host_end)
        self._children[one.number] = one
        self._selector.register(host_end, selectors.EVENT_READ, one)

    def _greet(self, one: Child) -> None:
        """Hear from a spare that its walls stand; only from here on can it be taken."""
        if one.host_end is None:
            return
        self._selector.unregister(one.host_end)
        with suppress(OSError):
            one.ready = one.host_end.recv(1) == child.READY
        if one.ready:
            self._failures = 0

    def _kill_late(self) -> None:
        now = time.monotonic()
        for one in self._children.values():
            if one.deadline is not None and one.deadline <= now:
                one.kill("timeout")

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            self._wakeup.recv(4096)
        numbers = {one.pid: one.number for one in self._children.values()}
        while numbers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._bury(self._children.pop(numbers.pop(pid)), status)

    def _bury(self, one: Child, status: int) -> None:
        if one.taken:
            exited = os.WIFEXITED(status)
            number = os.WEXITSTATUS(status) if exited else os.WTERMSIG(status)
            how = "exit" if exited else "signal"
            self._tell({"exit": one.number, "how": how, "number": number, "why": one.why})
        elif not one.ready:
            self._failures += 1
            if one.host_end is not None and one.host_end in self._selector.get_map():
                self._selector.unregister(one.host_end)
        one.close()


def main(descriptor: int, options: dict[str, Any]) -> None:
    """Be the fork server on the control socket ``descriptor``."""
    os.environ.clear()
    sys.stdin = None
    _leave_directory()
    ForkServer(socket.socket(fileno=descriptor), options).run()


def _leave_directory() -> None:
    """Make the working directory one that is gone, so no relative path leads anywhere."""
    os.chdir("/")
    with suppress(OSError):
        gone = f"/tmp/luajobs-{os.urandom(16).hex()}"  # noqa: S108  # made and removed at once
        os.mkdir(gone, 0o700)  # noqa: PTH102  # pathlib is more than this process needs
        os.chdir(gone)
        os.rmdir(gone)  # noqa: PTH106  # likewise
