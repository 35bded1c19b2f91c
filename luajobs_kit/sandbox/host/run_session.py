"""One run's session on the host: hostile frames in, replies out, until the final frame.

A child may send anything. ``frame_inspection`` checks the shape of each frame, this file the
amount. A frame that breaks the protocol ends the run. A child that floods is read no faster than
a budget allows: it then blocks on its full socket, and the engine's loop stays free for others. A
large frame is parsed in a thread, one of all runs at a time. Meanwhile nothing more of that run is
read, so its frames keep their order.

Replies that a child does not read are bounded too. While more than ``UNREAD`` bytes wait to be
written, no further call of the run is served. Of the verbs in ``alone``, whose replies may be
large, one is served at a time, the next when the reply before is written. No frame of the run is
read meanwhile. An honest child is never blocked by that for ever: while it waits to write, it
reads replies.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, Final

from luajobs_kit.errors import LuaJobsError
from luajobs_kit.sandbox.child.channel import MAX_LOG_BYTES, MAX_LOG_LINES
from luajobs_kit.sandbox.frames import HEADER, MAX_REPLY, BrokenFrame, Splitter, pack, pack_reply
from luajobs_kit.sandbox.host.child_handle import ChildHandle
from luajobs_kit.sandbox.host.frame_inspection import (
    LONGEST_ERROR,
    CallFrame,
    FinalFrame,
    Inspected,
    LogFrame,
    inspect,
    log_line,
)
from luajobs_kit.sandbox.values import LogRecord

CHUNK: Final = 64 * 2**10  # bytes read at once, between turns of the loop
MAX_CALLS: Final = 64  # served at the same time for one run
UNREAD: Final = 2**20  # bytes of replies that may wait to be written when a call is accepted
MOST_UNREAD: Final = 32 * 2**20  # bytes that may wait in all, with calls accepted before
SMALL_FRAME: Final = 16 * 2**10  # bytes; a frame up to this size is parsed on the loop
LINES_A_TURN: Final = 100  # log lines taken before the loop gets its turn
FRAMES_AT_ONCE: Final = 25_000  # a run may send so many as fast as it likes,
FRAMES_A_SECOND: Final = 2_000  # and so many a second from then on
BYTES_AT_ONCE: Final = 16 * 2**20
BYTES_A_SECOND: Final = 4 * 2**20
VALUES_AT_ONCE: Final = 300_000  # in calls and the final frame; log lines have a bound of their own
VALUES_A_SECOND: Final = 50_000
REPLIES_AT_ONCE: Final = 64 * 2**20  # bytes answered, likewise
REPLIES_A_SECOND: Final = 16 * 2**20
LONGEST_REST: Final = 0.1  # seconds after a frame was parsed
LONGEST_LINE: Final = 600  # characters of one line of an error: it may repeat what job code gave

_LOG_FRAME: Final = b'{"log":'  # how a log frame of the kit's own child begins
_MARK: Final = "The log is cut here: a run keeps 10,000 lines or 1 MB, and this one wrote more."

# One thread: several would only compete with the loop for the interpreter lock.
_parser: Final = ThreadPoolExecutor(1, "luajobs-frames")

Serve = Callable[[str, dict[str, Any]], Awaitable[Any]]
OnLog = Callable[[LogRecord], None]


class Budget:
    """A token bucket: ``at_once`` tokens at the start, refilled by ``a_second``."""

    def __init__(self, at_once: float, a_second: float) -> None:
        self._most = self._left = at_once
        self._a_second = a_second
        self._seen = time.monotonic()

    def spend(self, amount: float) -> float:
        """Take ``amount``; return the seconds to wait before taking more."""
        now = time.monotonic()
        self._left = min(self._most, self._left + (now - self._seen) * self._a_second) - amount
        self._seen = now
        return max(0.0, -self._left / self._a_second)


class RunSession:
    """The exchange with the child of one run, until its final frame.

    ``alone`` names the verbs that are served one at a time, because their replies may be large.
    """

    def __init__(
        self, child: ChildHandle, serve: Serve, on_log: OnLog, alone: Collection[str] = ()
    ) -> None:
        self._child = child
        self._serve = serve
        self._on_log = on_log
        self._loop = asyncio.get_running_loop()
        self._splitter = Splitter()
        self._frames = Budget(FRAMES_AT_ONCE, FRAMES_A_SECOND)
        self._bytes = Budget(BYTES_AT_ONCE, BYTES_A_SECOND)
        self._values = Budget(VALUES_AT_ONCE, VALUES_A_SECOND)
        self._replies = Budget(REPLIES_AT_ONCE, REPLIES_A_SECOND)
        self._alone = alone
        self._alone_lock = asyncio.Lock()
        self._unread = 0  # bytes of replies that wait to be written
        self._few_unread = asyncio.Event()
        self._few_unread.set()
        self._call_slots = asyncio.Semaphore(MAX_CALLS)
        self._write_lock = asyncio.Lock()
        self._serving: set[asyncio.Task[None]] = set()
        self._last_call = 0
        self._log_lines = 0
        self._log_bytes = 0
        self._log_is_cut = False
        self._started = time.time()

    async def run(self, rest: bytes) -> dict[str, Any] | None:
        """Send the ``rest`` of the run's frame, serve its calls; return the final frame.

        Returns None when the child ended without one. Raises ``BrokenFrame`` when it
        broke the protocol.
        """
        if rest:
            self._serving.add(self._loop.create_task(self._send(rest)))
        try:
            return await self._read_frames()
        finally:
            if self._serving:
                for task in self._serving:
                    task.cancel()
                await asyncio.gather(*self._serving, return_exceptions=True)

    async def _read_frames(self) -> dict[str, Any] | None:
        while True:
            try:
                data = await self._loop.sock_recv(self._child.connection, CHUNK)
            except OSError:
                return None
            if not data:
                return None
            bodies = self._splitter.feed(data)
            values = 0
            for body in bodies:
                if self._log_is_cut and body.startswith(_LOG_FRAME):
                    continue  # its lines would be dropped
                inspected = await self._inspect(body)
                match inspected.frame:
                    case LogFrame(lines):
                        await self._add_lines(lines, HEADER.size + len(body))
                    case CallFrame() as call:
                        values += inspected.values
                        await self._accept_call(call)
                    case FinalFrame(frame):
                        return frame
            pause = max(
                self._frames.spend(len(bodies)),
                self._bytes.spend(len(data)),
                self._values.spend(values),
                self._replies.spend(0),  # the bytes of replies were spent while they were sent
            )
            # Even without a pause this yields to the loop: reading a socket that always has
            # data would otherwise never suspend.
            await self._pause(pause)

    async def _inspect(self, body: bytes) -> Inspected:
        if len(body) <= SMALL_FRAME:
            return inspect(body)
        return await self._loop.run_in_executor(_parser, _inspect_and_rest, body)

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0 or self._child.exited.done():
            await asyncio.sleep(0)
            return
        # The child's exit ends the pause too: little can be left in its socket then.
        await asyncio.wait((self._child.exited,), timeout=seconds)

    # -- log lines ---------------------------------------------------------------------

    async def _add_lines(self, lines: list[Any], size: int) -> None:
        # Counted as the child counts them: it stops sending once it is over the cap.
        self._log_bytes += size
        for line in lines:
            if self._log_is_cut:
                return
            self._add_line(line)
            if self._log_lines % LINES_A_TURN == 0:
                await asyncio.sleep(0)

    def _add_line(self, line: Any) -> None:
        self._log_lines += 1
        now = time.time()
        if self._log_lines > MAX_LOG_LINES or self._log_bytes > MAX_LOG_BYTES:
            self._log_is_cut = True
            self._on_log(LogRecord("warn", _MARK, now))
            return
        level, text, at = log_line(line)
        # The child reads the machine's own clock, so a time outside the run is false.
        stamp = float(at) if self._started - 1 <= at <= now + 1 else now
        self._on_log(LogRecord(level, text, stamp))

    # -- calls -------------------------------------------------------------------------

    async def _accept_call(self, call: CallFrame) -> None:
        if call.number != self._last_call + 1:
            raise BrokenFrame("a call out of order")
        self._last_call = call.number
        await self._call_slots.acquire()
        await self._few_unread.wait()
        task = self._loop.create_task(self._serve_call(call))
        self._serving.add(task)
        task.add_done_callback(self._on_served)
        # A reply that is ready at once counts before the next call is accepted.
        await asyncio.sleep(0)

    def _on_served(self, task: asyncio.Task[None]) -> None:
        self._serving.discard(task)
        self._call_slots.release()
        if not task.cancelled() and task.exception() is not None:
            self._child.kill()  # without a reply the job would wait for ever

    async def _serve_call(self, call: CallFrame) -> None:
        async with self._alone_lock if call.verb in self._alone else nullcontext():
            frame = await self._reply_to(call)
            if self._unread + len(frame) > MOST_UNREAD:
                frame = _error_reply(call.number, "invalid_input", _too_much_unread(call.verb))
            self._replies.spend(len(frame))
            self._count_unread(len(frame))
            try:
                await self._send(frame)
            finally:
                self._count_unread(-len(frame))

    async def _reply_to(self, call: CallFrame) -> bytes:
        """Serve the call; return the frame of its reply."""
        try:
            frame = pack_reply(call.number, await self._serve(call.verb, call.arguments))
        except LuaJobsError as error:
            return _error_reply(call.number, error.code, error.message, error.details)
        except Exception as error:  # noqa: BLE001  # ``serve`` may raise anything
            text = f"{call.verb} failed in the engine: {type(error).__name__}: {error}"
            return _error_reply(call.number, "error", text)
        if len(frame) > MAX_REPLY:
            text = f"{call.verb} answers {len(frame)} bytes; {MAX_REPLY} fit. Ask for less, page by page"
            return _error_reply(call.number, "invalid_input", text)
        return frame

    def _count_unread(self, change: int) -> None:
        self._unread += change
        if self._unread > UNREAD:
            self._few_unread.clear()
        else:
            self._few_unread.set()

    async def _send(self, frame: bytes) -> None:
        async with self._write_lock:
            try:
                await self._loop.sock_sendall(self._child.connection, frame)
            except OSError:
                return  # the child has exited, which the reading side sees too


def _inspect_and_rest(body: bytes) -> Inspected:
    """Inspect a large frame, and rest for as long as that took.

    Parsing holds the interpreter's lock. Frame upon frame, the loop would get it for moments only,
    and whoever asks the engine something would wait for seconds. Now it has it half of the time.
    """
    begun = time.perf_counter()
    try:
        return inspect(body)
    finally:
        time.sleep(min(time.perf_counter() - begun, LONGEST_REST))


def _error_reply(
    number: int, code: str, message: str, details: dict[str, Any] | None = None
) -> bytes:
    described = {
        "code": code,
        "message": _shortened(message),
        "details": {
            name: _shortened(value) if isinstance(value, str) else value
            for name, value in (details or {}).items()
        },
    }
    try:
        return pack({"reply": number, "error": described})
    except (TypeError, ValueError):  # details that are not JSON are left out
        return pack({"reply": number, "error": {**described, "details": {}}})


def _shortened(text: str) -> str:
    """Return an error's text with the middle of long lines, and of very many lines, left out."""
    lines = (_without_middle(line, LONGEST_LINE) for line in text.split("\n"))
    return _without_middle("\n".join(lines), LONGEST_ERROR)


def _without_middle(text: str, most: int) -> str:
    # Its beginning says what was wrong, its end what to do about it.
    return text if len(text) <= most else f"{text[: most // 2]} … {text[3 - most // 2 :]}"


def _too_much_unread(verb: str) -> str:
    return (
        f"{verb} was done, but its answer did not fit: answers of {MOST_UNREAD // 2**20} MB wait for "
        "this run to read them. Ask for fewer of them at a time"
    )
