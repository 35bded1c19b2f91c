"""The child's end of its one socket: calls and log lines out, replies in, then the final frame.

Every log line is written at once, so lines logged before a kill are not lost. A write that would
block reads what has arrived meanwhile. So host and child never both wait for the other to read.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from json import JSONDecoder
from typing import Any, Final

from luajobs_kit.sandbox.child.json_encoding import plain
from luajobs_kit.sandbox.frames import HEADER, MAX_FRAME, MAX_VALUES, count_values, pack

MAX_LOG_LINES: Final = 10_000
MAX_LOG_BYTES: Final = 2**20
MAX_LOG_MESSAGE: Final = 64 * 2**10  # characters; a longer one is cut
LONGEST_WAIT: Final = 86_400_000.0  # milliseconds of one poll, which takes 24 days at most

_decode: Final = JSONDecoder().raw_decode

Reply = tuple[int, Any, dict[str, Any] | None]


class Gone(BaseException):
    """The host closed its end of the socket, so nothing can be reported any more."""


class Channel:
    """The connection of a run to its host, which its world uses (see ``guest/runtime/call_channel.py``).

    ``descriptor`` is a connected socket that does not block.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._read_poll = select.poll()
        self._read_poll.register(descriptor, select.POLLIN)
        self._both_poll = select.poll()
        self._both_poll.register(descriptor, select.POLLIN | select.POLLOUT)
        self._unparsed = bytearray()
        self._received: deque[dict[str, Any]] = deque()
        self._calls = 0
        self._log_lines = 0
        self._log_bytes = 0

    def send_call(self, verb: str, arguments: dict[str, Any]) -> int:
        """Send one call at once; return the id its reply will carry.

        Raises ``TypeError`` or ``ValueError`` when the arguments have no JSON form or
        are too large, naming the argument.
        """
        values = plain(arguments, verb)
        number = self._calls + 1
        frame = pack({"call": number, "verb": verb, "arguments": values})
        if len(frame) > MAX_FRAME:
            raise ValueError(f"the arguments of {verb} take {len(frame)} bytes; {MAX_FRAME} fit")
        if count_values(frame) > MAX_VALUES:
            raise ValueError(
                f"the arguments of {verb} are more than {MAX_VALUES:,} values; send them in parts"
            )
        self._calls = number
        self._write(frame)
        return number

    def wait(self, deadline: float | None = None) -> Reply | None:
        """Return the next reply (id, value, error), or None at the monotonic ``deadline``."""
        frame = self.receive(deadline)
        if frame is None:
            return None
        return frame["reply"], frame.get("value"), frame.get("error")

    def log(self, level: str, message: str) -> None:
        """Send one log line. Lines after the run's cap are dropped; the host adds a line that says so."""
        if self._log_lines > MAX_LOG_LINES or self._log_bytes > MAX_LOG_BYTES:
            return
        text = message[:MAX_LOG_MESSAGE]
        self._log_lines += 1
        frame = pack({"log": [[level, text, time.time()]]})
        self._log_bytes += len(frame)
        self._write(frame)

    def receive(self, deadline: float | None = None) -> dict[str, Any] | None:
        """Return the next frame from the host, or None at the monotonic ``deadline``."""
        while not self._received:
            left = None
            if deadline is not None:
                left = min(max(0.0, deadline - time.monotonic()) * 1000, LONGEST_WAIT)
            if not self._read_poll.poll(left) and left == 0:
                return None
            self._read()
        return self._received.popleft()

    def send(self, frame: dict[str, Any]) -> None:
        self._write(pack(frame))

    def send_result(self, value: Any) -> None:
        """Send the run's result; ``TypeError`` or ``ValueError`` say why it cannot be one."""
        frame = pack({"result": plain(value, "the result")})
        if len(frame) > MAX_FRAME:
            raise ValueError(
                f"the result takes {len(frame)} bytes as JSON; {MAX_FRAME} fit. "
                "Return a summary, and keep the rest with Data"
            )
        if count_values(frame) > MAX_VALUES:
            raise ValueError(
                f"the result has more than {MAX_VALUES:,} values. "
                "Return a summary, and keep the rest with Data"
            )
        self._write(frame)

    def send_raw(self, frame: bytes) -> None:
        """Send a frame packed beforehand (when memory may have run out)."""
        self._write(frame)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:
                self._both_poll.poll()
                self._read()
            except OSError as error:
                raise Gone from error

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, 65536)
        except BlockingIOError:
            return
        except OSError as error:
            raise Gone from error
        if not data:
            raise Gone
        self._unparsed += data
        self._split()

    def _split(self) -> None:
        unparsed = self._unparsed
        while len(unparsed) >= HEADER.size:
            end = HEADER.size + HEADER.unpack_from(unparsed)[0]
            if len(unparsed) < end:
                return
            self._received.append(_decode(unparsed[HEADER.size : end].decode())[0])
            del unparsed[:end]
