"""The fork server: forks spares ahead, keeps the time of what runs, reaps all of them.

A fresh interpreter runs ``main`` on one thread, with no environment, in a session of
its own. It reads lines from the engine only, never anything from a child, and neither
unmarshals nor executes job code. It alone signals and reaps children, so no pid is
signalled after its reuse. When the engine's end of the control socket closes, it
kills what runs and leaves.

From the engine, a line each: ``waiting N`` requests find no spare, ``take CHILD TIMEOUT
MEMORY CPU WAITING``, ``end CHILD``, ``failed`` of a spare that ended before anybody took it
(which only the engine knows at the time). To the engine: ``hello {...}``, ``spare CHILD`` with
its descriptor, ``limited CHILD`` once a smaller memory holds, ``refused WHY`` to all that
wait, ``exit CHILD HOW NUMBER WHY``.

After a fork both processes share their memory, and each copies a page when it first
writes to it: every object this loop touches costs a page a run. So it is plain.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from types import ModuleType
from typing import Any, Final

from luajobs_kit.sandbox.child import child
from luajobs_kit.sandbox.walls import walls as lockdown


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


REFILL_DELAY: Final = 0.004  # seconds without work before a spare is forked ahead
PRESSED: Final = 0.05  # seconds after a request had to wait in which spares come at once
REHEARSALS: Final = 20  # after so many the interpreter has settled how it runs the code
MOST_FAILURES: Final = 3  # spares in a row that may end before anybody takes them


class ForkServer:
    """The loop and its children."""

    def __init__(self, control: socket.socket, options: dict[str, Any]) -> None:
        self._control = control
        self._spares: int = options["spares"]
        self._world = _without_hooks(options["world"])
        self._policy: ModuleType = importlib.import_module(options["policy"])
        self._walls = lockdown.Walls(options["walls"])
        self._wakeup, self._wakeup_writer = socket.socketpair()
        self._poll = select.poll()
        self._children: dict[int, Forked] = {}  # by number
        self._untaken = 0  # of those: spares, waiting or still on their way
        self._waiting = 0  # requests of the engine that found no spare
        self._pressed = 0.0  # until then spares are forked at once (monotonic seconds)
        self._held = b""
        self._last_number = 0
        self._failures = 0
        self._leaving = False

    def run(self) -> None:
        """Serve until the engine is gone; then kill and reap every child."""
        self._prepare()
        hello = {"policy": self._policy.POLICY, "walls": self._walls.report()}
        self._tell(f"hello {json.dumps(hello)}")
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
        self._poll.register(self._control, select.POLLIN)
        self._poll.register(self._wakeup, select.POLLIN)
        for _ in range(REHEARSALS):
            child.rehearse(self._world, self._policy)
        self._channel = child.prepare(self._world)
        gc.collect()
        gc.freeze()

    def _turn(self) -> None:
        events = self._poll.poll(self._patience())
        if events:
            # In this order: of one that was taken and has ended, mostly both are heard.
            self._read_control()
            self._reap()
        self._kill_late()
        if self._waiting:
            self._fork_for_waiting()
        if self._short_of_spares() and (not events or self._is_pressed()):
            self._fork()

    def _short_of_spares(self) -> bool:
        return self._untaken < self._spares and self._failures < MOST_FAILURES

    def _is_pressed(self) -> bool:
        return time.monotonic() < self._pressed

    def _patience(self) -> float | None:
        """Return how long to wait for something to happen, in milliseconds."""
        if self._short_of_spares():
            return REFILL_DELAY * 1000
        deadlines = [one.deadline for one in self._children.values() if one.deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) * 1000 if deadlines else None

    # -- what the engine asks for ------------------------------------------------------

    def _read_control(self) -> None:
        try:
            data = self._control.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        if not data:
            self._leaving = True
            return
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            word, *values = line.split()
            if word == b"take":
                self._take(*values)
            elif word == b"end":
                ended = self._children.get(int(values[0]))
                if ended is not None:  # one that has ended is told of already
                    self._kill(ended, "end")
            elif word == b"failed":
                self._failures += 1
            else:
                self._waiting = int(values[0])
                self._failures = 0  # somebody asks anew

    def _take(
        self, number: bytes, timeout: bytes, memory: bytes, cpu: bytes, waiting: bytes
    ) -> None:
        self._waiting = int(waiting)
        taken = self._children.get(int(number))
        if taken is None:  # as above
            return
        if not taken.taken:
            taken.taken = True
            self._untaken -= 1
        self._failures = 0
        taken.deadline = time.monotonic() + float(timeout)
        try:
            lowered = self._walls.lower_limits(taken.pid, memory=int(memory), cpu=float(cpu))
        except OSError:
            self._kill(taken, "end")  # whatever it is, it will not hold its limits
            return
        if lowered:
            self._tell(f"limited {taken.number}")

    def _fork_for_waiting(self) -> None:
        self._pressed = time.monotonic() + PRESSED
        if self._failures >= MOST_FAILURES:
            self._refuse_waiting(
                "new processes of the sandbox end before they are ready; "
                "`luajobs doctor` shows which wall fails"
            )
        while self._waiting > self._untaken:
            self._fork()

    def _refuse_waiting(self, why: str) -> None:
        self._waiting = 0
        self._tell(f"refused {why}")

    def _tell(self, line: str) -> None:
        try:
            self._control.sendall(line.encode() + b"\n")
        except OSError:
            self._leaving = True

    # -- children ----------------------------------------------------------------------

    def _fork(self) -> None:
        host_end, guest_end = socket.socketpair()
        guest_end.setblocking(False)
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
            # What is waited for already does in its run what it would rehearse.
            child.live(
                guest_end.fileno(),
                self._walls,
                parent,
                self._world,
                self._policy,
                channel=self._channel,
                rehearsed=not self._is_pressed(),
            )
        guest_end.close()
        self._last_number += 1
        self._children[self._last_number] = Forked(self._last_number, pid)
        self._untaken += 1
        # The child says on its own socket when its walls stand; the engine waits for that.
        try:
            socket.send_fds(self._control, [b"spare %d\n" % self._last_number], [host_end.fileno()])
        except OSError:
            self._leaving = True
        host_end.close()

    def _kill(self, one: Forked, why: str) -> None:
        if one.why is None and not one.taken:
            self._untaken -= 1
        one.kill(why)

    def _kill_late(self) -> None:
        now = time.monotonic()
        for one in self._children.values():
            if one.deadline is not None and one.deadline <= now:
                self._kill(one, "timeout")

    def _reap(self) -> None:
        try:
            self._wakeup.recv(4096)
        except BlockingIOError:
            return
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            for one in self._children.values():
                if one.pid == pid:
                    self._bury(one, status)
                    break

    def _bury(self, one: Forked, status: int) -> None:
        del self._children[one.number]
        exited = os.WIFEXITED(status)
        number = os.WEXITSTATUS(status) if exited else os.WTERMSIG(status)
        if not one.taken and one.why is None:
            self._untaken -= 1
        how = "exit" if exited else "signal"
        self._tell(f"exit {one.number} {how} {number} {one.why}")


def _without_hooks(world: str) -> ModuleType:
    """Import a world, and let nothing that it imports be called after every fork.

    ``random`` would be, in Python code: each child would copy thirty pages of memory
    more than ``child`` does to seed it.
    """
    register = os.register_at_fork
    os.register_at_fork = lambda **_: None
    try:
        return importlib.import_module(world)
    finally:
        os.register_at_fork = register


_held: Final[list[socket.socket]] = []
"""The control socket, open until the interpreter has said why it ends: closed, the engine hears
no more."""


def main(descriptor: int, options: dict[str, Any]) -> None:
    """Be the fork server on the control socket ``descriptor``."""
    os.environ.clear()
    sys.stdin = sys.stdout = None
    _leave_directory()
    _held.append(socket.socket(fileno=descriptor))
    ForkServer(_held[0], options).run()


def _leave_directory() -> None:
    """Make the working directory one that is gone, so no relative path leads anywhere."""
    os.chdir("/")
    with suppress(OSError):
        gone = f"/tmp/luajobs-{os.urandom(16).hex()}"  # noqa: S108  # made and removed at once
        os.mkdir(gone, 0o700)  # noqa: PTH102  # pathlib is more than this process needs
        os.chdir(gone)
        os.rmdir(gone)  # noqa: PTH106  # likewise
