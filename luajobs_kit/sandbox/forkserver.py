"""The fork server: forks spares ahead, hands them out, keeps their time, reaps them.

A fresh interpreter runs ``main`` on one thread, with no environment, in a session of
its own. It reads frames from the engine only, never from a child, and neither
unmarshals nor executes job code. It alone signals and reaps children, so no pid is
signalled after its reuse. When the engine's end of the control socket closes, it
kills what runs and leaves.

From the engine: ``{"waiting": n}`` requests find no spare, ``{"take": child, "timeout":
..., "memory": ..., "cpu": ..., "waiting": n}``, ``{"end": child}``.
To the engine: ``{"hello": {...}}``, ``{"spare": child}`` with a descriptor,
``{"limited": child}`` once a smaller memory holds, ``{"refused": why}`` to all that wait,
``{"exit": child, "how": ..., "number": ..., "why": ...}``.
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
from contextlib import suppress
from types import ModuleType
from typing import Any, Final

from luajobs_kit.sandbox import child, lockdown
from luajobs_kit.sandbox.forked import Forked

REFILL_DELAY: Final = 0.004  # seconds without work before a spare is forked ahead
REHEARSALS: Final = 20  # after so many the interpreter has settled how it runs the code
MOST_FAILURES: Final = 3  # spares in a row that may die before they are ready


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
        self._children: dict[int, Forked] = {}  # by number
        self._waiting = 0  # requests of the engine that found no spare
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
        """Load all that is loaded lazily, enter the shared walls, freeze what is there.

        Code that has run has been specialised by the interpreter, and its caches are
        filled: what is written here once, no child writes to again, and copies.
        """
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
        for _ in range(REHEARSALS):
            child.rehearse(self._world, self._policy)
        gc.collect()
        gc.freeze()

    def _turn(self) -> None:
        events = self._selector.select(self._patience())
        for key, _ in events:
            if isinstance(key.data, Forked):
                self._greet(key.data)
            else:
                key.data()
        self._kill_late()
        self._fork_for_waiting()
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
            self._hear(json.loads(line))

    def _hear(self, message: dict[str, Any]) -> None:
        if "waiting" in message:
            self._waiting = message["waiting"]
        if "take" in message:
            taken = self._children.get(message["take"])
            if taken is not None:  # one that has ended is told of already
                self._take(taken, message)
        elif "end" in message:
            ended = self._children.get(message["end"])
            if ended is not None:
                ended.kill("end")
        else:
            self._failures = 0  # somebody asks anew

    def _take(self, taken: Forked, limits: dict[str, Any]) -> None:
        taken.taken = True
        taken.deadline = time.monotonic() + limits["timeout"]
        try:
            lowered = self._walls.lower_limits(
                taken.pid, memory=limits["memory"], cpu=limits["cpu"]
            )
        except OSError:
            taken.kill("end")  # whatever it is, it will not hold its limits
            return
        if lowered:
            self._tell({"limited": taken.number})

    def _fork_for_waiting(self) -> None:
        if not self._waiting:
            return
        if self._failures >= MOST_FAILURES:
            self._refuse_waiting(
                "new processes of the sandbox end before they are ready; "
                "`luajobs doctor` shows which wall fails"
            )
        while self._waiting > self._spares_coming():
            self._fork()

    def _refuse_waiting(self, why: str) -> None:
        self._waiting = 0
        self._tell({"refused": why})

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
        one = Forked(self._last_number, pid, host_end)
        self._children[one.number] = one
        self._selector.register(host_end, selectors.EVENT_READ, one)

    def _greet(self, one: Forked) -> None:
        """Hear from a spare that its walls stand; only then is it handed to the engine."""
        host_end = one.host_end
        if host_end is None:
            return
        self._selector.unregister(host_end)
        with suppress(OSError):
            one.ready = host_end.recv(1) == child.READY
        if one.ready:
            self._failures = 0
            self._tell({"spare": one.number}, host_end.fileno())
            host_end.close()
            one.host_end = None

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

    def _bury(self, one: Forked, status: int) -> None:
        if one.ready:
            exited = os.WIFEXITED(status)
            number = os.WEXITSTATUS(status) if exited else os.WTERMSIG(status)
            how = "exit" if exited else "signal"
            self._tell({"exit": one.number, "how": how, "number": number, "why": one.why})
        else:
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
