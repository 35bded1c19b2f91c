"""The fork server's client: starts the server, hands out its spares, records how each child ends.

Spares are forked ahead of need, each with a socket of its own, so a run costs no round trip: its
frame goes to the child, and a line to the fork server, which enforces its time limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections import deque
from typing import IO, Any, Final

from luajobs_kit.errors import SandboxError, UnsupportedPlatform
from luajobs_kit.sandbox.frames import READY
from luajobs_kit.sandbox.host import spawn
from luajobs_kit.sandbox.host.child_handle import ChildHandle, Exit
from luajobs_kit.sandbox.values import Limits

START_PATIENCE: Final = 30.0  # seconds a fork server may take to send its greeting
STOP_PATIENCE: Final = 5.0  # seconds it may take to kill, reap and leave


class ServerGone(Exception):  # named for what happened, as ConnectionResetError is
    """The fork server ended before it answered; ask the next one."""


class ForkServerClient:
    """One fork server, from start to end. A dead one is replaced, not revived."""

    def __init__(self, options: dict[str, Any], hash_seed: int | None = None) -> None:
        self._options = options
        self._hash_seed = hash_seed
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._error_output: IO[bytes] | None = None
        self._error_text = ""
        self._memory: int = options["walls"]["memory"]  # bytes a spare may use as it comes
        self._children: dict[int, ChildHandle] = {}  # by number: spares, and those that run
        self._starting: set[ChildHandle] = set()  # forked, and still raising their walls
        self._spares: deque[ChildHandle] = deque()
        self._waiting: deque[asyncio.Future[ChildHandle]] = deque()  # for the next spare, in order
        self._unparsed = b""
        self._descriptors: deque[int] = deque()
        self._hello: asyncio.Future[dict[str, Any]] | None = None
        self.closed = False

    async def start(self) -> dict[str, Any]:
        """Start the fork server; return its greeting.

        Raises ``SandboxError``, and ``UnsupportedPlatform`` where there is no sandbox.
        """
        if sys.platform == "win32":
            raise UnsupportedPlatform(
                "The sandbox needs Linux or macOS. On Windows run this in WSL "
                "(https://learn.microsoft.com/windows/wsl/install)."
            )
        if sysconfig.get_config_var("Py_GIL_DISABLED"):
            raise UnsupportedPlatform(
                f"This is a free-threaded build of Python ({sys.executable}), on which the sandbox "
                "was never tried. Use the ordinary build of the same version: its name has no "
                "'t' at the end."
            )
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        self._control = ours
        ours.setblocking(False)
        self._hello = loop.create_future()
        self._error_output = tempfile.TemporaryFile()  # noqa: SIM115  # closed in _release
        try:
            self._process = spawn.start(
                self._options, theirs.fileno(), self._hash_seed, self._error_output
            )
        except OSError as error:
            self._release()
            raise SandboxError(f"The sandbox's fork server cannot be started: {error}") from error
        finally:
            theirs.close()
        loop.add_reader(ours, self._read)
        try:
            return await asyncio.wait_for(self._hello, START_PATIENCE)
        except (TimeoutError, ServerGone):
            output = await self.stop()
            raise SandboxError(
                f"The sandbox's fork server did not start. It said: {output or 'nothing'}"
            ) from None
        except BaseException:
            await self.stop()
            raise

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def acquire(self, limits: Limits) -> ChildHandle:
        """Return a child behind its walls, within ``limits``; its time begins with ``start``.

        Raises ``SandboxError`` when none can be had, ``ServerGone`` when the server
        ended first.
        """
        while True:
            child = self._spares.popleft() if self._spares else await self._next_spare()
            if child.is_disconnected():  # it died while it waited, and the report is on its way
                child.connection.close()
                continue
            child.take(limits)
            if limits.memory >= self._memory or await self._lower_memory(child):
                return child

    async def _next_spare(self) -> ChildHandle:
        """Request a spare and wait for it. A cancelled waiter's spare goes to the next waiter."""
        place: asyncio.Future[ChildHandle] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            self.send_line(f"waiting {len(self._waiting)}")
            return await place
        except asyncio.CancelledError:
            if place in self._waiting:
                self._waiting.remove(place)
                self.send_line(f"waiting {len(self._waiting)}")
            elif not place.cancelled() and place.exception() is None:
                self._offer(place.result())
            raise

    async def _lower_memory(self, child: ChildHandle) -> bool:
        """Wait until the child's memory limit is lowered; return whether it still lives.

        The kernel takes back no memory that is allocated already, so the run begins after this.
        """
        child.limited = asyncio.get_running_loop().create_future()
        child.send_limits()
        try:
            await asyncio.wait((child.limited, child.exited), return_when="FIRST_COMPLETED")
        except asyncio.CancelledError:
            child.connection.close()
            child.kill()
            raise
        if not child.exited.done():
            return True
        child.connection.close()
        if self.closed:
            raise ServerGone
        return False

    def send_take(self, number: int, limits: Limits) -> None:
        self.send_line(
            f"take {number} {limits.timeout} {limits.memory} {limits.cpu_seconds} "
            f"{len(self._waiting)}"
        )

    def send_line(self, line: str) -> None:
        """Send one control line; a server that reads no more counts as dead."""
        if self.closed or self._control is None:
            self._fail_waiting(ServerGone())
            return
        try:
            data = line.encode() + b"\n"
            if self._control.send(data) != len(data):
                self.abandon()
        except OSError:
            self.abandon()

    async def stop(self) -> str:
        """End the fork server and with it every child; return its error output."""
        if self._control is not None and self._process is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            with contextlib.suppress(OSError):
                self._control.shutdown(socket.SHUT_WR)
            process = self._process
            try:
                await asyncio.to_thread(process.wait, STOP_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)
        self.abandon()
        return self._error_text

    def end(self) -> None:
        """End the fork server and every child where no loop runs any more, as the process exits."""
        if self._control is None or self._process is None:
            return
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """Let go of the fork server in a process forked from the one whose it is.

        Only the descriptors are closed: the loop that listens to them is the parent's.
        """
        self.closed = True
        for child in self._children.values():
            child.connection.close()
        if self._control is not None:
            self._control.close()

    # -- lines from the fork server ---------------------------------------------------

    def _read(self) -> None:
        assert self._control is not None
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, 65536, 64)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        self._descriptors.extend(descriptors)
        if not data:
            self.abandon()
            return
        *lines, self._unparsed = (self._unparsed + data).split(b"\n")
        for line in lines:
            self._on_line(line.decode())

    def _on_line(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "spare":
            self._add_child(int(rest))
        elif word == "exit":
            number, how, code, why = rest.split(" ")
            self._on_exit(int(number), Exit(how, int(code), None if why == "None" else why))
        elif word == "limited":
            limited = self._children[int(rest)].limited
            if limited is not None and not limited.done():
                limited.set_result(None)
        elif word == "refused":
            self._fail_waiting(SandboxError(f"No child can be had: {rest}"))
        elif self._hello is not None and not self._hello.done():
            self._hello.set_result(json.loads(rest))

    def _add_child(self, number: int) -> None:
        descriptor = self._descriptors.popleft()
        os.set_inheritable(descriptor, False)
        connection = socket.socket(fileno=descriptor)
        connection.setblocking(False)
        self._children[number] = child = ChildHandle(number, connection, self)
        self._starting.add(child)
        asyncio.get_running_loop().add_reader(descriptor, self._on_ready, child)

    def _on_ready(self, child: ChildHandle) -> None:
        """Read a new child's first byte: it says that every wall stands. Then it is a spare."""
        asyncio.get_running_loop().remove_reader(child.connection.fileno())
        self._starting.remove(child)
        ready = b""
        with contextlib.suppress(OSError):
            ready = child.connection.recv(1)
        if ready == READY:
            self._offer(child)
        else:  # it ended while it raised them
            child.connection.close()
            self.send_line("failed")

    def _offer(self, spare: ChildHandle) -> None:
        """Give a spare to the one who has waited longest, or keep it."""
        if self.closed or spare.exited.done():
            spare.connection.close()
            return
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(spare)
                return
        self._spares.append(spare)

    def _on_exit(self, number: int, exit_: Exit) -> None:
        child = self._children.pop(number, None)
        if child is None:
            return
        child.record_exit(exit_)
        if child in self._spares:
            self._spares.remove(child)
            child.connection.close()
            self.send_line("failed")

    def abandon(self) -> None:
        """Count the server as dead: running children are abandoned, waiters ask the next server."""
        if self.closed:
            return
        self.closed = True
        for child in self._children.values():
            child.record_exit(Exit("abandoned"))
            # Where children can outlive their server (macOS), nobody listens to them now.
            with contextlib.suppress(OSError):
                child.connection.shutdown(socket.SHUT_RDWR)
        self._children.clear()
        while self._starting:
            child = self._starting.pop()
            asyncio.get_running_loop().remove_reader(child.connection.fileno())
            child.connection.close()
        while self._spares:
            self._spares.popleft().connection.close()
        self._fail_waiting(ServerGone())
        if self._hello is not None and not self._hello.done():
            self._hello.set_exception(ServerGone())
        self._release()

    def _fail_waiting(self, why: Exception) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_exception(why)

    def _release(self) -> None:
        self.closed = True
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None
        while self._descriptors:
            os.close(self._descriptors.popleft())
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._error_output is not None:
            self._error_output.seek(0)
            output = self._error_output.read(64 * 1024).decode("utf-8", "replace")
            self._error_text = output.strip()[-2000:]  # the end of a traceback names the error
            self._error_output.close()
            self._error_output = None
