"""The fork server: forks spares ahead, enforces time limits, kills and reaps children.

A fresh interpreter runs ``main`` on one thread, with no environment, in a session of
its own. It reads lines from the engine only, never anything from a child, and neither
unmarshals nor executes job code. It alone signals and reaps children, so no pid is
signalled after its reuse. When the engine's end of the control socket closes, it
kills its children and ends.

The control socket carries lines. From the engine:

- ``waiting N``: so many requests found no spare;
- ``take CHILD TIMEOUT MEMORY CPU WAITING``: a run uses this spare, within these limits;
- ``end CHILD``: kill it;
- ``failed``: a spare ended before a run used it (only the engine knows that at the time).

To the engine:

- ``hello {...}``: the policy's version and the walls;
- ``spare CHILD``, with the descriptor of its socket;
- ``limited CHILD``: its smaller memory limit holds;
- ``refused WHY``: to every request that waits;
- ``exit CHILD HOW NUMBER WHY``.

After a fork, server and child share their memory, and each copies a page when it first writes to
it. Every object that this loop touches costs a page for each run, so the code is kept plain.
"""

from __future__ import annotations

import array  # noqa: F401  # socket.send_fds imports it, when nothing can be imported any more
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
from luajobs_kit.sandbox.walls.walls import Walls


class ChildProcess:
    """One child, from fork to reaping."""

    def __init__(self, number: int, pid: int) -> None:
        self.number = number
        self.pid = pid
        self.taken = False
        self.deadline: float | None = None  # monotonic seconds
        self.why: str | None = None  # "timeout" or "end" once this server has killed it


REFILL_DELAY: Final = 0.004  # seconds without work before a spare is forked ahead
PRESSED: Final = 0.05  # seconds after a request had to wait: spares are forked at once
REHEARSALS: Final = 20  # after so many the interpreter specialises the code no further
MOST_FAILURES: Final = 3  # spares in a row that may end unused


class ForkServer:
    """The server's loop, and its children."""

    def __init__(self, control: socket.socket, options: dict[str, Any]) -> None:
        self._control = control
        self._spares: int = options["spares"]
        self._world = _without_hooks(options["world"])
        self._policy: ModuleType = importlib.import_module(options["policy"])
        self._walls = Walls(options["walls"])
        self._system = self._walls.system
        self._wakeup, self._wakeup_writer = socket.socketpair()
        self._poll = select.poll()
        self._children: dict[int, ChildProcess] = {}  # by number
        self._untaken = 0  # of those: spares, also before they are ready
        self._waiting = 0  # requests of the engine that found no spare
        self._pressed = 0.0  # until then spares are forked at once (monotonic seconds)
        self._unparsed = b""
        self._last_number = 0
        self._failures = 0
        self._leaving = False

    def run(self) -> None:
        """Serve until the engine is gone; then kill and reap every child."""
        self._prepare()
        hello = {"policy": self._policy.POLICY, "walls": self._walls.report()}
        self._send_line(f"hello {json.dumps(hello)}")
        try:
            while not self._leaving:
                self._turn()
        finally:
            for process in self._children.values():
                self._system.kill(process.pid)
            for process in self._children.values():
                self._system.waitpid(process.pid, 0)

    def _prepare(self) -> None:
        """Load what is loaded lazily, raise the shared walls, rehearse, freeze the heap.

        The interpreter specialises code that runs often, and fills caches: it writes to pages.
        What is written here, once, no child writes to and copies again.
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
        self._walls.remove_from_reach()
        gc.collect()
        gc.freeze()

    def _turn(self) -> None:
        events = self._poll.poll(self._patience())
        if events:
            # Control lines before reaping, so that a child's ``take`` is usually processed before
            # its exit.
            self._read_control()
            self._reap()
        self._kill_overdue()
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
        deadlines = [each.deadline for each in self._children.values() if each.deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) * 1000 if deadlines else None

    # -- lines from the engine ---------------------------------------------------------

    def _read_control(self) -> None:
        try:
            data = self._control.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        if not data:
            self._leaving = True
            return
        *lines, self._unparsed = (self._unparsed + data).split(b"\n")
        for line in lines:
            word, *values = line.split()
            if word == b"take":
                self._take(*values)
            elif word == b"end":
                process = self._children.get(int(values[0]))
                if process is not None:  # else its exit is reported already
                    self._kill(process, "end")
            elif word == b"failed":
                self._failures += 1
            else:
                self._waiting = int(values[0])
                self._failures = 0  # a new request gets new attempts

    def _take(
        self, number: bytes, timeout: bytes, memory: bytes, cpu: bytes, waiting: bytes
    ) -> None:
        self._waiting = int(waiting)
        process = self._children.get(int(number))
        if process is None:  # as above
            return
        if not process.taken:
            process.taken = True
            self._untaken -= 1
        self._failures = 0
        process.deadline = time.monotonic() + float(timeout)
        try:
            lowered = self._walls.lower_limits(process.pid, memory=int(memory), cpu=float(cpu))
        except OSError:
            self._kill(process, "end")  # it would run without its limits
            return
        if lowered:
            self._send_line(f"limited {process.number}")

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
        self._send_line(f"refused {why}")

    def _send_line(self, line: str) -> None:
        try:
            self._control.sendall(line.encode() + b"\n")
        except OSError:
            self._leaving = True

    # -- children ----------------------------------------------------------------------

    def _fork(self) -> None:
        host_end, guest_end = self._system.socketpair()
        guest_end.setblocking(False)
        parent = os.getpid()
        try:
            pid = self._system.fork()
        except OSError as error:
            host_end.close()
            guest_end.close()
            self._failures = MOST_FAILURES
            self._refuse_waiting(f"no process could be started: {error}")
            return
        if pid == 0:
            # A child that a request waits for does not rehearse: its run does the same.
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
        self._children[self._last_number] = ChildProcess(self._last_number, pid)
        self._untaken += 1
        # The child reports on its own socket when its walls stand; the engine waits for that.
        try:
            socket.send_fds(self._control, [b"spare %d\n" % self._last_number], [host_end.fileno()])
        except OSError:
            self._leaving = True
        host_end.close()

    def _kill(self, process: ChildProcess, why: str) -> None:
        if process.why is None and not process.taken:
            self._untaken -= 1
        process.why = process.why or why
        process.deadline = None
        self._system.kill(process.pid)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for process in self._children.values():
            if process.deadline is not None and process.deadline <= now:
                self._kill(process, "timeout")

    def _reap(self) -> None:
        try:
            self._wakeup.recv(4096)
        except BlockingIOError:
            return
        while self._children:
            pid, status = self._system.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            for process in self._children.values():
                if process.pid == pid:
                    self._report_exit(process, status)
                    break

    def _report_exit(self, process: ChildProcess, status: int) -> None:
        del self._children[process.number]
        exited = os.WIFEXITED(status)
        number = os.WEXITSTATUS(status) if exited else os.WTERMSIG(status)
        if not process.taken and process.why is None:
            self._untaken -= 1
        how = "exit" if exited else "signal"
        self._send_line(f"exit {process.number} {how} {number} {process.why}")


def _without_hooks(world: str) -> ModuleType:
    """Import a world with ``os.register_at_fork`` switched off.

    ``random`` registers a hook in Python that seeds it after each fork. In each child that would
    copy thirty pages of memory more than the seeding in ``child.py`` does.
    """
    register = os.register_at_fork
    os.register_at_fork = lambda **_: None
    try:
        return importlib.import_module(world)
    finally:
        os.register_at_fork = register


_open_until_exit: Final[list[socket.socket]] = []
"""The control socket. It stays open while the interpreter prints a traceback: the engine stops
reading error output once it is closed."""


def main(descriptor: int, options: dict[str, Any]) -> None:
    """Be the fork server on the control socket ``descriptor``."""
    os.environ.clear()
    sys.stdin = sys.stdout = None
    _leave_directory()
    _open_until_exit.append(socket.socket(fileno=descriptor))
    ForkServer(_open_until_exit[0], options).run()


def _leave_directory() -> None:
    """Change to a directory that is then removed, so that no relative path leads anywhere."""
    os.chdir("/")
    with suppress(OSError):
        gone = f"/tmp/luajobs-{os.urandom(16).hex()}"  # noqa: S108  # made and removed at once
        os.mkdir(gone, 0o700)  # noqa: PTH102  # this process does without pathlib
        os.chdir(gone)
        os.rmdir(gone)  # noqa: PTH106  # likewise
