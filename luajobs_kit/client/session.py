"""A session with the workspace's engine: requests go to the next engine when the known one has died."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from urllib.parse import quote

from luajobs_kit import http_protocol
from luajobs_kit._version import __version__
from luajobs_kit.acting_user import acting_reach, acting_user, is_watching
from luajobs_kit.client import discover, sse
from luajobs_kit.client.http_connection import ConnectionLost, Headers, Stream, Transport
from luajobs_kit.engine_address import Address
from luajobs_kit.errors import EngineFrozen, EngineStopped, EngineUnavailable
from luajobs_kit.lock_file import Owner

T = TypeVar("T")

ANSWER: Final = 60.0  # seconds an answer may take
TOOL: Final = 660.0  # seconds a tool may take: its offer bounds it
SIMULATION: Final = 900.0  # seconds a simulation may take
TRANSFER: Final = 1_800.0  # seconds an export or an import may take: history has many lines
SILENCE: Final = 3 * http_protocol.HEARTBEAT  # seconds without a byte after which a stream is lost
NOTICE: Final = 2.0  # seconds between two looks whether an engine that owes an answer is frozen
LOOK: Final = 0.5  # seconds between two looks for an engine that somebody else starts
OK, UNAUTHORIZED, TOO_MANY, UNAVAILABLE = 200, 401, 429, 503


class EngineSession:
    """The way to a workspace's engine, whichever process that is just now."""

    def __init__(self, folder: Path, address: Address, patience: float) -> None:
        self.folder = folder
        self.transport = Transport(address)
        self._owner = Owner.read(folder)  # as it was when the engine was found
        self._patience = patience
        self._finding = asyncio.Lock()
        self._opening: set[asyncio.Task[Any]] = set()

    async def ask(
        self, name: str, /, *, seconds: float = ANSWER, key: str | None = None, **arguments: Any
    ) -> Any:
        """Return the verb's answer. Raises what the engine raised, or ``EngineUnavailable``."""
        from luajobs_kit import port_schema  # noqa: PLC0415 - who asks plainly needs none of its models

        verb = port_schema.verb(name)
        headers: Headers = []
        if verb.keyed:
            headers.append((http_protocol.KEY_HEADER, key or os.urandom(16).hex()))
        body = verb.write_request(arguments)
        answer = await self._exchange(
            name, body, headers, seconds=seconds, repeatable=verb.repeatable
        )
        return verb.read_answer(answer)

    async def ask_json(self, name: str, /, **arguments: Any) -> Any:
        """Return the answer of a verb that only reads, as plain JSON; asked with its JSON names."""
        answer = await self._exchange(
            name, json.dumps(arguments).encode(), [], seconds=ANSWER, repeatable=True
        )
        return json.loads(answer)["data"]

    async def _exchange(
        self, name: str, body: bytes, headers: Headers, *, seconds: float, repeatable: bool
    ) -> bytes:
        if self._opening:
            await asyncio.wait(self._opening)
        headers = [*_headers(), *headers]
        deadline = time.monotonic() + self._patience
        await self._make_sure(deadline)
        while True:
            transport = self.transport
            try:
                asking = transport.ask(
                    f"{http_protocol.PREFIX}/{name}",
                    body,
                    headers,
                    seconds=seconds,
                    fresh=not repeatable,
                )
                status, answer = await self._unless_frozen(asking)
            except EngineFrozen as problem:
                raise EngineFrozen(
                    f"{problem.message} What was asked of it, {name}, may be done when it goes on."
                ) from None
            except ConnectionLost as lost:
                if lost.sent and not repeatable:
                    raise EngineUnavailable(
                        f"The engine was lost before it answered ({lost}). Whether {name} was done "
                        "is not known; look before you repeat it."
                    ) from lost
                await self.find_again(transport, lost, deadline)
                continue
            if status == OK:
                return answer
            error = http_protocol.read_error(answer, status)
            if status == TOO_MANY and time.monotonic() < deadline:
                await asyncio.sleep(error.details.get("retry_after", 1.0))
            elif _has_left(status, error):
                await self.find_again(transport, error, deadline)
            else:
                raise error

    async def _unless_frozen(self, asking: Coroutine[Any, Any, T]) -> T:
        """Return the answer. Raises ``EngineFrozen`` when the engine is found stopped meanwhile."""
        answer = asyncio.ensure_future(asking)
        try:
            while not (await asyncio.wait({answer}, timeout=NOTICE))[0]:
                discover.refuse_frozen(self.folder)
            return answer.result()
        finally:
            answer.cancel()

    async def _make_sure(self, deadline: float) -> None:
        """Change over to another engine where the one known does not own the folder (any more)."""
        transport = self.transport
        if transport.address.elsewhere:
            return
        owner, known = Owner.read(self.folder), self._owner
        same = owner is not None and known is not None and owner.id == known.id
        if not (same and discover.is_owned(self.folder)):
            await self.find_again(transport, None, deadline)

    async def find_again(
        self, lost: Transport, cause: BaseException | None, deadline: float | None = None
    ) -> None:
        """Change over to the engine that answers now, starting it if there is none.

        One that left on purpose (stopped, or not needed) has taken its address away, one that
        died has not: who only watches starts the second, and raises ``EngineStopped`` for
        the first.
        """
        async with self._finding:
            if self.transport is not lost:
                return  # another task has found it meanwhile
            left = self._patience if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise EngineUnavailable(
                    f"The engine for {self.folder} kept being lost ({cause})."
                ) from cause
            if not self.folder.is_dir():
                raise EngineUnavailable(f"The workspace {self.folder} is gone.") from cause
            if is_watching() and Address.read(self.folder) is None:
                raise EngineStopped(
                    "The engine was stopped, or left because nobody needed it. The next call or "
                    "command that needs it starts it."
                ) from cause
            address = await discover.find_or_start(self.folder, patience=left)
            if address == lost.address:
                self._owner = Owner.read(self.folder)
                return  # it is there after all; only one connection of it was lost
            lost.close()
            self.transport, self._owner = Transport(address), Owner.read(self.folder)

    async def open(
        self, method: Literal["GET", "POST"], target: str, body: bytes = b""
    ) -> Messages:
        """Open a stream, at the next engine if need be. Raises what the engine refuses."""
        deadline = time.monotonic() + self._patience
        await self._make_sure(deadline)
        while True:
            transport = self.transport
            headers = [*_headers(), ("Accept", "text/event-stream")]
            try:
                stream = await transport.stream(method, target, body, headers, silence=SILENCE)
                if stream.status == OK:
                    return Messages(transport, stream)
                answer = b"".join([part async for part in stream.parts])
            except ConnectionLost as lost:
                await self.find_again(transport, lost, deadline)
                continue
            stream.close()
            error = http_protocol.read_error(answer, stream.status)
            if not _has_left(stream.status, error):
                raise error
            await self.find_again(transport, error, deadline)

    async def next_engine(self) -> None:
        """Return when somebody has started an engine again."""
        while Address.read(self.folder) is None:
            if not self.folder.is_dir():
                raise EngineUnavailable(f"The workspace {self.folder} is gone.")
            await asyncio.sleep(LOOK)

    def begin(self, opening: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin now what a later question must find done."""
        task = asyncio.get_running_loop().create_task(opening)
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return task

    def close(self) -> None:
        """Let go of every connection."""
        for task in list(self._opening):
            task.cancel()
        self.transport.close()


class Messages:
    """The messages of one open stream."""

    def __init__(self, transport: Transport, stream: Stream) -> None:
        self.transport = transport
        self._messages = sse.messages(stream.parts)
        self.close = stream.close

    def __aiter__(self) -> AsyncIterator[tuple[str, bytes]]:
        return self._messages


def _headers() -> Headers:
    user = acting_user()
    headers = [(http_protocol.VERSION_HEADER, __version__)]
    if user is not None:
        headers.append((http_protocol.USER_HEADER, quote(user)))
    if acting_reach() == "own":
        headers.append((http_protocol.REACH_HEADER, "own"))
    return headers


def _has_left(status: int, error: Exception) -> bool:
    """Whether the engine that was known is gone: its place is taken, or it is ending."""
    return status == UNAUTHORIZED or (
        status == UNAVAILABLE and isinstance(error, EngineUnavailable)
    )
