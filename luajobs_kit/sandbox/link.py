"""The engine's link to the fork server: starts it, asks it for children, hears of ends."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from luajobs_kit.errors import SandboxError, UnsupportedPlatform
from luajobs_kit.sandbox.values import Limits

START_PATIENCE: Final = 30.0  # seconds a fork server may take to say hello
STOP_PATIENCE: Final = 5.0  # seconds it may take to kill, reap and leave

# The whole program of the fork server's interpreter. It finds the standard library, and
# of all that is installed beside it only the packages named: not a notebook's own.
_BOOT: Final = """
import json, sys
from importlib.machinery import PathFinder
options = json.loads(sys.argv[1])
class Named:
    @staticmethod
    def find_spec(name, path=None, target=None):
        root = options["roots"].get(name) if path is None else None
        return None if root is None else PathFinder.find_spec(name, [root])
sys.meta_path.append(Named)
from luajobs_kit.sandbox.forkserver import main
main(options["control"], options)
"""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended, as the fork server saw it."""

    how: str  # "exit", "signal", or "abandoned" when the fork server itself went
    number: int = 0  # exit status or signal
    why: str | None = None  # "timeout" or "end" when it was killed on purpose


class Taken:
    """A child that is this engine's until it ends."""

    def __init__(self, number: int, connection: socket.socket, link: Link) -> None:
        self.number = number
        self.connection = connection
        self.gone: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._link = link
        self._watch: asyncio.TimerHandle | None = None

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
            self._link.tell({"end": self.number})

    def note_end(self, how: Exit) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if not self.gone.done():
            self.gone.set_result(how)


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
        self._asked: dict[int, asyncio.Future[Taken]] = {}
        self._running: dict[int, Taken] = {}
        self._numbers = itertools.count(1)
        self._held = b""
        self._descriptors: deque[int] = deque()
        self._hello: asyncio.Future[dict[str, Any]] | None = None
        self.closed = False

    async def start(self) -> dict[str, Any]:
        """Start the fork server; return its greeting. Raises ``SandboxError``."""
        if sys.platform == "win32":
            raise UnsupportedPlatform(
                "The sandbox needs Linux or macOS. On Windows run this in WSL "
                "(https://learn.microsoft.com/windows/wsl/install)."
            )
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        self._control = ours
        ours.setblocking(False)
        self._hello = loop.create_future()
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115  # closed in _drop
        try:
            self._process = self._spawn(theirs.fileno())
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

    def _spawn(self, control: int) -> subprocess.Popen[bytes]:
        if not sys.executable:
            raise OSError("this Python does not know its own executable (sys.executable)")
        # Isolated (-I) ignores the environment, and with it the seed of hashes: a seeded
        # sandbox isolates by the single flags, and has nothing but the seed in it.
        flags = ["-I"] if self._hash_seed is None else ["-P", "-s"]
        seed = {} if self._hash_seed is None else {"PYTHONHASHSEED": str(self._hash_seed)}
        options = {
            **self._options,
            "control": control,
            "roots": _roots({"luajobs_kit", self._options["world"], self._options["policy"]}),
        }
        return subprocess.Popen(  # noqa: S603  # our own interpreter, our own program
            [sys.executable, *flags, "-S", "-c", _BOOT, json.dumps(options)],
            env=seed,
            pass_fds=(control,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._last_words,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def take(self, limits: Limits) -> Taken:
        """Return a child locked down and limited, its time running.

        Raises ``SandboxError`` when none can be had, ``ServerGone`` when the server
        ended first. A cancelled request's child is ended as it arrives.
        """
        number = next(self._numbers)
        answer: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            self.tell(
                {
                    "take": number,
                    "limits": {
                        "timeout": limits.timeout,
                        "memory": limits.memory,
                        "cpu": limits.cpu_seconds,
                    },
                }
            )
            taken = await answer
        except asyncio.CancelledError:
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                answer.result().connection.close()
                answer.result().end()
            raise
        finally:
            self._asked.pop(number, None)
        taken.expect_end(limits.timeout)
        return taken

    def tell(self, message: dict[str, Any]) -> None:
        """Send one control message; a server that takes no more is taken for dead."""
        if self.closed or self._control is None:
            self._fail_asked()
            return
        try:
            data = json.dumps(message).encode() + b"\n"
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
            self._hear(json.loads(line))

    def _hear(self, message: dict[str, Any]) -> None:
        if "took" in message:
            self._receive_child(message)
        elif "exit" in message:
            taken = self._running.pop(message["exit"], None)
            if taken is not None:
                taken.note_end(Exit(message["how"], message["number"], message["why"]))
        elif "refused" in message:
            answer = self._asked.get(message["refused"])
            if answer is not None and not answer.done():
                answer.set_exception(SandboxError(f"No child can be had: {message['why']}"))
        elif self._hello is not None and not self._hello.done():
            self._hello.set_result(message["hello"])

    def _receive_child(self, message: dict[str, Any]) -> None:
        descriptor = self._descriptors.popleft()
        os.set_inheritable(descriptor, False)
        connection = socket.socket(fileno=descriptor)
        connection.setblocking(False)
        taken = Taken(message["child"], connection, self)
        self._running[taken.number] = taken
        answer = self._asked.get(message["took"])
        if answer is None or answer.done():
            connection.close()
            taken.end()
        else:
            answer.set_result(taken)

    def lose(self) -> None:
        """Take the server for gone: what ran is abandoned, what waits asks again."""
        if self.closed:
            return
        self.closed = True
        for taken in self._running.values():
            taken.note_end(Exit("abandoned"))
            # Where children can outlive their server (macOS), nobody listens to them now.
            with contextlib.suppress(OSError):
                taken.connection.shutdown(socket.SHUT_RDWR)
        self._running.clear()
        self._fail_asked()
        if self._hello is not None and not self._hello.done():
            self._hello.set_exception(ServerGone())
        self._drop()

    def _fail_asked(self) -> None:
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(ServerGone())

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


def _roots(modules: Iterable[str]) -> dict[str, str]:
    """Return, by name, the folders of the packages a fork server may import."""
    found = {}
    for name in {module.partition(".")[0] for module in modules} | {"RestrictedPython", "tzdata"}:
        spec = importlib.util.find_spec(name)
        if spec is None:
            continue
        places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
        found[name] = str(Path(places[0]).resolve().parent)
    return found
