"""The engine's link to the fork server: holds the spares it made, hears how each ended.

Spares come ahead of need, each with its own socket, so that a run costs no round trip:
word of it goes to the fork server, which keeps its time, and its frame to the child.
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
from dataclasses import dataclass
from typing import IO, Any, Final

from luajobs_kit.errors import SandboxError, UnsupportedPlatform
from luajobs_kit.sandbox.frames import READY
from luajobs_kit.sandbox.host import spawn
from luajobs_kit.sandbox.values import Limits

STOP_PATIENCE: Final = 5.0  # seconds a fork server may take to kill, reap and leave
LEAVING_PATIENCE: Final = 0.05  # seconds a child may take to end after its last word


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended, as the fork server saw it."""

    how: str  # "exit", "signal", or "abandoned" when the fork server itself went
    number: int = 0  # exit status or signal
    why: str | None = None  # "timeout" or "end" when it was killed on purpose


class Taken:
    """A child of the fork server, locked down: a spare, then one run's until it ends."""

    def __init__(self, number: int, connection: socket.socket, link: Link) -> None:
        self.number = number
        self.connection = connection
        self.gone: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.limited: asyncio.Future[None] | None = None  # done when its memory is lowered
        self._limits: Limits | None = None  # what the fork server has yet to be told
        self._link = link
        self._watch: asyncio.TimerHandle | None = None

    def has_hung_up(self) -> bool:
        """Whether nobody is at the other end any more."""
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def take(self, limits: Limits) -> None:
        self._limits = limits

    def start(self, frame: bytes) -> bytes:
        """Send ``frame`` and have its time kept; return what the socket does not take yet.

        In this order, for each wakes a process, and it is the child that is waited for.
        """
        try:
            rest = frame[self.connection.send(frame) :]
        except OSError:  # it is full, or its child is gone, which the reader hears too
            rest = frame
        self.tell_limits()
        return rest

    def tell_limits(self) -> None:
        """Tell the fork server, once, what the run may use: its time begins."""
        if self._limits is None:
            return
        limits, self._limits = self._limits, None
        self._link.tell_taken(self.number, limits)
        self.expect_end(limits.timeout)

    def expect_end(self, seconds: float) -> None:
        """Give the fork server up if it has not reported this child's end by then.

        The server keeps time; this is for a server that is stopped or stuck itself.
        """
        if self._watch is not None:
            self._watch.cancel()
        patience = seconds + STOP_PATIENCE
        self._watch = asyncio.get_running_loop().call_later(patience, self._link.lose)

    def end(self) -> None:
        """Have it killed, if it still runs."""
        if not self.gone.done():
            self.expect_end(0)
            self._link.tell(f"end {self.number}")

    def end_soon(self) -> None:
        """Have it killed unless it leaves by itself, as one does that has said its last word."""
        if not self.gone.done():
            if self._watch is not None:
                self._watch.cancel()
            self._watch = asyncio.get_running_loop().call_later(LEAVING_PATIENCE, self.end)

    def note_end(self, how: Exit) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if not self.gone.done():
            self.gone.set_result(how)


START_PATIENCE: Final = 30.0  # seconds a fork server may take to say hello


class ServerGone(Exception):  # it is what happened, as ConnectionReset is
    """The fork server ended before it answered; ask the next one."""


class Link:
    """One fork server, from start to end. A dead one is replaced, not revived."""

    def __init__(self, options: dict[str, Any], hash_seed: int | None = None) -> None:
        self._options = options
        self._hash_seed = hash_seed
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._last_words: IO[bytes] | None = None
        self._words = ""
        self._memory: int = options["walls"]["memory"]  # bytes a spare may use as it comes
        self._children: dict[int, Taken] = {}  # by number, spares and taken ones
        self._coming: set[Taken] = set()  # forked, their walls not yet up
        self._spares: deque[Taken] = deque()
        self._waiting: deque[asyncio.Future[Taken]] = deque()  # for the next spare, in order
        self._held = b""
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
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115  # closed in _drop
        try:
            self._process = spawn.start(
                self._options, theirs.fileno(), self._hash_seed, self._last_words
            )
        except OSError as error:
            self._drop()
            raise SandboxError(f"The sandbox's fork server cannot be started: {error}") from error
        finally:
            theirs.close()
        loop.add_reader(ours, self._read)
        try:
            return await asyncio.wait_for(self._hello, START_PATIENCE)
        except (TimeoutError, ServerGone):
            words = await self.stop()
            raise SandboxError(
                f"The sandbox's fork server did not start. It said: {words or 'nothing'}"
            ) from None
        except BaseException:
            await self.stop()
            raise

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def take(self, limits: Limits) -> Taken:
        """Return a child locked down, within ``limits`` but for its time: ``start`` begins that.

        Raises ``SandboxError`` when none can be had, ``ServerGone`` when the server
        ended first.
        """
        while True:
            taken = self._spares.popleft() if self._spares else await self._next_spare()
            if taken.has_hung_up():  # it died waiting, and word of that is on its way
                taken.connection.close()
                continue
            taken.take(limits)
            if limits.memory >= self._memory or await self._lowered(taken):
                return taken

    async def _next_spare(self) -> Taken:
        """Wait for one, and say so. A cancelled waiter's spare goes to the next."""
        place: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            self.tell(f"waiting {len(self._waiting)}")
            return await place
        except asyncio.CancelledError:
            if place in self._waiting:
                self._waiting.remove(place)
                self.tell(f"waiting {len(self._waiting)}")
            elif not place.cancelled() and place.exception() is None:
                self._offer(place.result())
            raise

    async def _lowered(self, taken: Taken) -> bool:
        """Wait until its memory is lowered; whether it is, and the child still lives.

        The kernel does not take back what was allocated before, so this comes first.
        """
        taken.limited = asyncio.get_running_loop().create_future()
        taken.tell_limits()
        try:
            await asyncio.wait((taken.limited, taken.gone), return_when="FIRST_COMPLETED")
        except asyncio.CancelledError:
            taken.connection.close()
            taken.end()
            raise
        if not taken.gone.done():
            return True
        taken.connection.close()
        if self.closed:
            raise ServerGone
        return False

    def tell_taken(self, number: int, limits: Limits) -> None:
        self.tell(
            f"take {number} {limits.timeout} {limits.memory} {limits.cpu_seconds} "
            f"{len(self._waiting)}"
        )

    def tell(self, line: str) -> None:
        """Send one control line; a server that takes no more is taken for dead."""
        if self.closed or self._control is None:
            self._fail_waiting(ServerGone())
            return
        try:
            data = line.encode() + b"\n"
            if self._control.send(data) != len(data):
                self.lose()
        except OSError:
            self.lose()

    async def stop(self) -> str:
        """End the fork server and with it every child; return its last words."""
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
        self.lose()
        return self._words

    # -- what the fork server says -----------------------------------------------------

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
            self.lose()
            return
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            self._hear(line.decode())

    def _hear(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "spare":
            self._receive(int(rest))
        elif word == "exit":
            number, how, code, why = rest.split(" ")
            self._bury(int(number), Exit(how, int(code), None if why == "None" else why))
        elif word == "limited":
            limited = self._children[int(rest)].limited
            if limited is not None and not limited.done():
                limited.set_result(None)
        elif word == "refused":
            self._fail_waiting(SandboxError(f"No child can be had: {rest}"))
        elif self._hello is not None and not self._hello.done():
            self._hello.set_result(json.loads(rest))

    def _receive(self, number: int) -> None:
        descriptor = self._descriptors.popleft()
        os.set_inheritable(descriptor, False)
        connection = socket.socket(fileno=descriptor)
        connection.setblocking(False)
        self._children[number] = coming = Taken(number, connection, self)
        self._coming.add(coming)
        asyncio.get_running_loop().add_reader(descriptor, self._greet, coming)

    def _greet(self, coming: Taken) -> None:
        """Hear from a spare that its walls stand; only then is it given to anybody."""
        asyncio.get_running_loop().remove_reader(coming.connection.fileno())
        self._coming.remove(coming)
        ready = b""
        with contextlib.suppress(OSError):
            ready = coming.connection.recv(1)
        if ready == READY:
            self._offer(coming)
        else:  # it ended before
            coming.connection.close()
            self.tell("failed")

    def _offer(self, spare: Taken) -> None:
        """Give a spare to who waits longest for one, or keep it."""
        if self.closed or spare.gone.done():
            spare.connection.close()
            return
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(spare)
                return
        self._spares.append(spare)

    def _bury(self, number: int, end: Exit) -> None:
        ended = self._children.pop(number, None)
        if ended is None:
            return
        ended.note_end(end)
        if ended in self._spares:
            self._spares.remove(ended)
            ended.connection.close()
            self.tell("failed")

    def lose(self) -> None:
        """Take the server for gone: what ran is abandoned, what waits asks again."""
        if self.closed:
            return
        self.closed = True
        for child in self._children.values():
            child.note_end(Exit("abandoned"))
            # Where children can outlive their server (macOS), nobody listens to them now.
            with contextlib.suppress(OSError):
                child.connection.shutdown(socket.SHUT_RDWR)
        self._children.clear()
        while self._coming:
            coming = self._coming.pop()
            asyncio.get_running_loop().remove_reader(coming.connection.fileno())
            coming.connection.close()
        while self._spares:
            self._spares.popleft().connection.close()
        self._fail_waiting(ServerGone())
        if self._hello is not None and not self._hello.done():
            self._hello.set_exception(ServerGone())
        self._drop()

    def _fail_waiting(self, why: Exception) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_exception(why)

    def _drop(self) -> None:
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
        if self._last_words is not None:
            self._last_words.seek(0)
            said = self._last_words.read(64 * 1024).decode("utf-8", "replace")
            self._words = said.strip()[-2000:]  # the end of a traceback is what tells
            self._last_words.close()
            self._last_words = None
