"""Server-sent events to one client: a response that goes on, to a reader who may be slow or gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.types import Message, Receive, Scope, Send

from luajobs_kit import http_protocol

SLOW: Final = 20.0  # seconds a client may leave what was sent to it unread, then it is cut
HEARTBEAT: Final = b": alive\n\n"


class EventStream:
    """Sends what ``parts`` yields until it ends, the client leaves, or reads too slowly."""

    def __init__(self, parts: AsyncIterator[bytes], *, slow: float = SLOW) -> None:
        self._parts = parts
        self._slow = slow
        self._sending_since: float | None = None  # of the loop's clock, while a part is on its way
        self._sent_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"text/event-stream; charset=utf-8"),
                    (b"cache-control", b"no-store"),
                ],
            }
        )
        await send(_part(HEARTBEAT))
        pump = asyncio.create_task(self._pump(send))
        tasks: list[asyncio.Task[Any]] = [
            pump,
            asyncio.create_task(self._beat(send)),
            asyncio.create_task(left(receive)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if pump.done() and not pump.cancelled():
            pump.result()  # what the parts may have raised
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        # Otherwise the answer is left unfinished: the server closes the connection.

    async def _pump(self, send: Send) -> None:
        # A busy engine sends thousands of parts a second: no lock and no timer for each.
        loop = asyncio.get_running_loop()
        async for part in self._parts:
            self._sending_since = loop.time()
            await send(_part(part))
            self._sending_since = None
            self._sent_at = loop.time()

    async def _beat(self, send: Send) -> None:
        """Keep a quiet stream known to be alive; return when the client is too slow for it."""
        loop = asyncio.get_running_loop()
        step = min(http_protocol.HEARTBEAT, self._slow)
        while True:
            await asyncio.sleep(step)
            now = loop.time()
            if self._sending_since is not None:
                if now - self._sending_since >= self._slow:
                    return
            elif now - self._sent_at >= step:
                try:
                    async with asyncio.timeout(self._slow):
                        await send(_part(HEARTBEAT))
                except TimeoutError:
                    return


def _part(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}


async def left(receive: Receive) -> None:
    """Return when the client has closed its connection; its request has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
