"""One run as the host hears it: hostile frames in, replies out, until the last word.

What a child sends is checked by ``inspection`` for shape, here for amount. What breaks the
protocol ends the run; what floods is read no faster than a budget allows, so that the child
waits on its full socket and the engine's loop stays everybody's. A large frame is taken apart
in a thread, one of all runs at a time; a run's frames keep their order, for it is read no
further meanwhile.

What a child has not read of the answers to its calls is bounded, too. While more than
``UNREAD`` bytes wait to be written no further call of it is served; and of calls whose answers
may be large (``alone``) one is served at a time, the next when the answer before is written.
The child is read no further meanwhile, either. An honest one is never held up for ever by
that: while it waits to write, it takes in answers.
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
from luajobs_kit.sandbox.host.fork_server_client import Taken
from luajobs_kit.sandbox.host.frame_inspection import (
    LONGEST_ERROR,
    Call,
    Inspected,
    LastWord,
    Log,
    inspect,
    log_line,
)
from luajobs_kit.sandbox.values import LogRecord

CHUNK: Final = 64 * 2**10  # bytes read at once, between turns of the loop
MAX_CALLS: Final = 64  # served at the same time for one run
UNREAD: Final = 2**20  # bytes of answers that may wait to be written while a call is taken
MOST_UNREAD: Final = 32 * 2**20  # and that calls taken before may add up to
SMALL_FRAME: Final = 16 * 2**10  # bytes; a frame up to this is taken apart on the loop
LINES_A_TURN: Final = 100  # log lines taken before the loop gets its turn
FRAMES_AT_ONCE: Final = 25_000  # a run may send these as fast as it likes
FRAMES_A_SECOND: Final = 2_000  # and these from then on
BYTES_AT_ONCE: Final = 16 * 2**20
BYTES_A_SECOND: Final = 4 * 2**20
VALUES_AT_ONCE: Final = 300_000  # in calls and the last word: log lines are bounded by themselves
VALUES_A_SECOND: Final = 50_000
REPLIES_AT_ONCE: Final = 64 * 2**20  # bytes answered, likewise
REPLIES_A_SECOND: Final = 16 * 2**20
LONGEST_LINE: Final = 600  # characters of one line of an error: it may repeat what job code gave

_LOG_FRAME: Final = b'{"log":'  # how one begins that the kit's own child sends
_MARK: Final = "The log is cut here: a run keeps 10,000 lines or 1 MB, and this one wrote more."

_reading: Final = ThreadPoolExecutor(
    1, "luajobs-frames"
)  # more would only fight for the loop's turn

Serve = Callable[[str, dict[str, Any]], Awaitable[Any]]
OnLog = Callable[[LogRecord], None]


class Budget:
    """A bucket of tokens: so many at once, so many a second after that."""

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


class Conversation:
    """What one taken child says, from its frame to its last word.

    ``alone`` are the verbs that are served one at a time, for their answers may be large.
    """

    def __init__(
        self, child: Taken, serve: Serve, on_log: OnLog, alone: Collection[str] = ()
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
        self._is_alone = asyncio.Lock()
        self._unread = 0  # bytes of answers
        self._is_read = asyncio.Event()
        self._is_read.set()
        self._room = asyncio.Semaphore(MAX_CALLS)
        self._writing = asyncio.Lock()
        self._serving: set[asyncio.Task[None]] = set()
        self._last_call = 0
        self._log_lines = 0
        self._log_bytes = 0
        self._cut = False
        self._started = time.time()

    async def hold(self, rest: bytes) -> dict[str, Any] | None:
        """Send the ``rest`` of its frame, serve what is asked; return the result or error frame.

        None when the child ended without a last word. Raises ``BrokenFrame`` when it
        broke the protocol.
        """
        if rest:
            self._serving.add(self._loop.create_task(self._send(rest)))
        try:
            return await self._listen()
        finally:
            if self._serving:
                for task in self._serving:
                    task.cancel()
                await asyncio.gather(*self._serving, return_exceptions=True)

    async def _listen(self) -> dict[str, Any] | None:
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
                if self._cut and body.startswith(_LOG_FRAME):
                    continue  # nothing of it would be kept
                heard = await self._inspected(body)
                match heard.frame:
                    case Log(lines):
                        await self._take_log(lines, HEADER.size + len(body))
                    case Call() as call:
                        values += heard.values
                        await self._take_call(call)
                    case LastWord(frame):
                        return frame
            pause = max(
                self._frames.spend(len(bodies)),
                self._bytes.spend(len(data)),
                self._values.spend(values),
                self._replies.spend(0),  # what was answered meanwhile
            )
            # Also without a pause the loop gets its turn: a socket that always has data
            # would otherwise never suspend.
            await self._rest(pause)

    async def _inspected(self, body: bytes) -> Inspected:
        if len(body) <= SMALL_FRAME:
            return inspect(body)
        return await self._loop.run_in_executor(_reading, inspect, body)

    async def _rest(self, pause: float) -> None:
        if pause <= 0 or self._child.gone.done():
            await asyncio.sleep(0)
            return
        # The end of the child ends the pause too: what is left in its socket is little.
        await asyncio.wait((self._child.gone,), timeout=pause)

    # -- log lines ---------------------------------------------------------------------

    async def _take_log(self, lines: list[Any], size: int) -> None:
        # As the child counts, and no less: it sends nothing more once it is over the cap.
        self._log_bytes += size
        for line in lines:
            if self._cut:
                return
            self._keep(line)
            if self._log_lines % LINES_A_TURN == 0:
                await asyncio.sleep(0)

    def _keep(self, line: Any) -> None:
        self._log_lines += 1
        now = time.time()
        if self._log_lines > MAX_LOG_LINES or self._log_bytes > MAX_LOG_BYTES:
            self._cut = True
            self._on_log(LogRecord("warn", _MARK, now))
            return
        level, text, at = log_line(line)
        # A child's clock is the machine's own; what lies outside the run is invented.
        stamp = float(at) if self._started - 1 <= at <= now + 1 else now
        self._on_log(LogRecord(level, text, stamp))

    # -- calls -------------------------------------------------------------------------

    async def _take_call(self, call: Call) -> None:
        if call.number != self._last_call + 1:
            raise BrokenFrame("a call out of order")
        self._last_call = call.number
        await self._room.acquire()
        await self._is_read.wait()
        task = self._loop.create_task(self._answer(call))
        self._serving.add(task)
        task.add_done_callback(self._served)
        # What is answered at once counts before the next call is taken.
        await asyncio.sleep(0)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._serving.discard(task)
        self._room.release()
        if not task.cancelled() and task.exception() is not None:
            self._child.end()  # what cannot be answered would leave the job waiting

    async def _answer(self, call: Call) -> None:
        async with self._is_alone if call.verb in self._alone else nullcontext():
            frame = await self._answered(call)
            if self._unread + len(frame) > MOST_UNREAD:
                frame = _error_reply(call.number, "invalid_input", _too_much_unread(call.verb))
            self._replies.spend(len(frame))
            self._count_unread(len(frame))
            try:
                await self._send(frame)
            finally:
                self._count_unread(-len(frame))

    async def _answered(self, call: Call) -> bytes:
        """Return the frame that answers the call."""
        try:
            frame = pack_reply(call.number, await self._serve(call.verb, call.arguments))
        except LuaJobsError as error:
            return _error_reply(call.number, error.code, error.message, error.details)
        except Exception as error:  # noqa: BLE001  # whatever serves a call may raise anything
            text = f"{call.verb} failed in the engine: {type(error).__name__}: {error}"
            return _error_reply(call.number, "error", text)
        if len(frame) > MAX_REPLY:
            text = f"{call.verb} answers {len(frame)} bytes; {MAX_REPLY} fit. Ask for less, page by page"
            return _error_reply(call.number, "invalid_input", text)
        return frame

    def _count_unread(self, change: int) -> None:
        self._unread += change
        if self._unread > UNREAD:
            self._is_read.clear()
        else:
            self._is_read.set()

    async def _send(self, frame: bytes) -> None:
        async with self._writing:
            try:
                await self._loop.sock_sendall(self._child.connection, frame)
            except OSError:
                return  # the child is gone; the listening side hears it too


def _error_reply(
    number: int, code: str, message: str, details: dict[str, Any] | None = None
) -> bytes:
    told = {
        "code": code,
        "message": _shortened(message),
        "details": {
            name: _shortened(value) if isinstance(value, str) else value
            for name, value in (details or {}).items()
        },
    }
    try:
        return pack({"reply": number, "error": told})
    except (TypeError, ValueError):  # details that are not JSON stay here
        return pack({"reply": number, "error": {**told, "details": {}}})


def _shortened(text: str) -> str:
    """Return an error's text without what is in the middle of a long line, or of very many."""
    lines = (_without_middle(line, LONGEST_LINE) for line in text.split("\n"))
    return _without_middle("\n".join(lines), LONGEST_ERROR)


def _without_middle(text: str, most: int) -> str:
    # What was wrong stands at its beginning, and what to do about it at its end.
    return text if len(text) <= most else f"{text[: most // 2]} … {text[3 - most // 2 :]}"


def _too_much_unread(verb: str) -> str:
    return (
        f"{verb} was done, but its answer did not fit: answers of {MOST_UNREAD // 2**20} MB wait for "
        "this run to read them. Ask for fewer of them at a time"
    )
