"""One run as the host hears it: hostile frames in, replies out, until the last word.

What a child sends is checked here for shape and amount. What breaks the protocol ends
the run; what floods is read no faster than a budget allows, so that the child waits
on its full socket and the engine's loop stays everybody's.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from luajobs_kit.errors import LuaJobsError
from luajobs_kit.sandbox.channel import MAX_LOG_BYTES, MAX_LOG_LINES, MAX_LOG_MESSAGE
from luajobs_kit.sandbox.frames import (
    HEADER,
    MAX_REPLY,
    BrokenFrame,
    Splitter,
    pack,
    pack_reply,
    parse,
)
from luajobs_kit.sandbox.taken import Taken
from luajobs_kit.sandbox.values import Level, LogRecord

CHUNK: Final = 64 * 2**10  # bytes read at once, between turns of the loop
MAX_CALLS: Final = 64  # served at the same time for one run
FRAMES_AT_ONCE: Final = 25_000  # a run may send these as fast as it likes
FRAMES_A_SECOND: Final = 2_000  # and these from then on
BYTES_AT_ONCE: Final = 16 * 2**20
BYTES_A_SECOND: Final = 4 * 2**20
REPLIES_AT_ONCE: Final = 64 * 2**20  # bytes answered, likewise
REPLIES_A_SECOND: Final = 16 * 2**20
LONGEST_ERROR: Final = 4_000  # characters of an error's text, as of a run's own…
LONGEST_LINE: Final = 600  # …and of one line of it: it may repeat what job code gave

_LEVELS: Final[dict[str, Level]] = {
    "debug": "debug", "info": "info", "warn": "warn", "error": "error",
}  # fmt: skip
_VERB: Final = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)?", re.ASCII)
_MARK: Final = "The log is cut here: a run keeps 10,000 lines or 1 MB, and this one wrote more."

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
    """What one taken child says, from its frame to its last word."""

    def __init__(self, child: Taken, serve: Serve, on_log: OnLog) -> None:
        self._child = child
        self._serve = serve
        self._on_log = on_log
        self._loop = asyncio.get_running_loop()
        self._splitter = Splitter()
        self._frames = Budget(FRAMES_AT_ONCE, FRAMES_A_SECOND)
        self._bytes = Budget(BYTES_AT_ONCE, BYTES_A_SECOND)
        self._replies = Budget(REPLIES_AT_ONCE, REPLIES_A_SECOND)
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
            for body in bodies:
                message = parse(body)
                if "log" in message:
                    self._take_log(message, HEADER.size + len(body))
                elif "call" in message:
                    await self._take_call(message)
                else:
                    return _last_word(message)
            pause = max(
                self._frames.spend(len(bodies)),
                self._bytes.spend(len(data)),
                self._replies.spend(0),  # what was answered meanwhile
            )
            # Also without a pause the loop gets its turn: a socket that always has data
            # would otherwise never suspend.
            await self._rest(pause)

    async def _rest(self, pause: float) -> None:
        if pause <= 0 or self._child.gone.done():
            await asyncio.sleep(0)
            return
        # The end of the child ends the pause too: what is left in its socket is little.
        await asyncio.wait((self._child.gone,), timeout=pause)

    # -- log lines ---------------------------------------------------------------------

    def _take_log(self, message: dict[str, Any], size: int) -> None:
        # As the child counts, and no less: it sends nothing more once it is over the cap.
        self._log_bytes += size
        lines = message["log"]
        if len(message) != 1 or type(lines) is not list:
            raise BrokenFrame("a log frame of the wrong shape")
        for line in lines:
            if type(line) is not list or [type(part) for part in line[:2]] != [str, str]:
                raise BrokenFrame("a log line of the wrong shape")
            if len(line) != 3 or type(line[2]) not in (int, float):  # level, text, time
                raise BrokenFrame("a log line of the wrong shape")
            self._keep(*line)

    def _keep(self, level: str, text: str, at: float) -> None:
        if self._cut:
            return
        self._log_lines += 1
        now = time.time()
        if self._log_lines > MAX_LOG_LINES or self._log_bytes > MAX_LOG_BYTES:
            self._cut = True
            self._on_log(LogRecord("warn", _MARK, now))
            return
        # A child's clock is the machine's own; what lies outside the run is invented.
        stamp = float(at) if self._started - 1 <= at <= now + 1 else now
        if level not in _LEVELS:
            raise BrokenFrame(f"a log line of level {level[:20]!r}")
        self._on_log(LogRecord(_LEVELS[level], text[:MAX_LOG_MESSAGE], stamp))

    # -- calls -------------------------------------------------------------------------

    async def _take_call(self, message: dict[str, Any]) -> None:
        number, verb, arguments = message["call"], message.get("verb"), message.get("arguments")
        if (
            len(message) != 3 or type(number) is not int or number != self._last_call + 1
        ):  # call, verb, arguments
            raise BrokenFrame("a call out of order")
        if (
            type(verb) is not str or len(verb) > 100 or not _VERB.fullmatch(verb)
        ):  # no verb is near that long
            raise BrokenFrame("a call of no verb")
        if type(arguments) is not dict:
            raise BrokenFrame("a call without arguments")
        self._last_call = number
        await self._room.acquire()
        task = self._loop.create_task(self._answer(number, verb, arguments))
        self._serving.add(task)
        task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._serving.discard(task)
        self._room.release()
        if not task.cancelled() and task.exception() is not None:
            self._child.end()  # what cannot be answered would leave the job waiting

    async def _answer(self, number: int, verb: str, arguments: dict[str, Any]) -> None:
        try:
            frame = pack_reply(number, await self._serve(verb, arguments))
            if len(frame) > MAX_REPLY:
                frame = _error_reply(number, "invalid_input", f"{verb} answers {len(frame)} bytes; "
                                     f"{MAX_REPLY} fit. Ask for less, page by page")  # fmt: skip
        except LuaJobsError as error:
            frame = _error_reply(number, error.code, error.message, error.details)
        except Exception as error:  # noqa: BLE001  # whatever serves a call may raise anything
            text = f"{verb} failed in the engine: {type(error).__name__}: {error}"
            frame = _error_reply(number, "error", text)
        self._replies.spend(len(frame))
        await self._send(frame)

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


def _last_word(message: dict[str, Any]) -> dict[str, Any]:
    """Return a result or error frame, its parts checked, its texts cut."""
    if list(message) == ["result"]:
        return message
    error = message.get("error")
    if list(message) != ["error"] or type(error) is not dict:
        raise BrokenFrame("a frame of no known kind")
    line, trace = error.get("line"), error.get("trace", [])
    if type(error.get("type")) is not str or type(error.get("message")) is not str:
        raise BrokenFrame("an error without type and message")
    if line is not None and (type(line) is not int or not 0 <= line < 2**31):
        raise BrokenFrame("an error at no line")
    if type(trace) is not list or any(type(entry) is not str for entry in trace):
        raise BrokenFrame("an error with no trace")
    return {
        "error": {
            "type": error["type"][:100],
            "message": error["message"][:LONGEST_ERROR],
            "line": line,
            "trace": [entry[:1_000] for entry in trace[:40]],
        }
    }
