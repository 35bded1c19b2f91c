"""An answer that goes on: server-sent events to one client, who may be slow or gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from luajobs_kit import wire

SLOW: Final = 20.0  # seconds a client may leave what was sent to it unread, then it is cut
HEARTBEAT: Final = b": alive\n\n"


class EventStream:
    """Sends what ``parts`` yields until it ends, the client leaves, or reads too slowly."""

    def __init__(self, parts: AsyncIterator[bytes], *, slow: float = SLOW) -> None:
        self._parts = parts
        self._slow = slow
        self._turn = asyncio.Lock()

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
        pump = asyncio.create_task(self._pump(send))
        tasks: list[asyncio.Task[Any]] = [
            pump,
            asyncio.create_task(self._beat(send)),
            asyncio.create_task(_left(receive)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if pump.done() and not pump.cancelled() and pump.result():
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        # Otherwise the answer is left unfinished: the server closes the connection.

    async def _pump(self, send: Send) -> bool:
        """Send the parts; False when the client was too slow for them."""
        async for part in self._parts:
            if not await self._send(send, part):
                return False
        return True

    async def _beat(self, send: Send) -> None:
        await self._send(send, HEARTBEAT)
        while True:
            await asyncio.sleep(wire.HEARTBEAT)
            if not await self._send(send, HEARTBEAT):
                return

    async def _send(self, send: Send, part: bytes) -> bool:
        try:
            async with self._turn, asyncio.timeout(self._slow):
                await send({"type": "http.response.body", "body": part, "more_body": True})
        except TimeoutError:
            return False
        return True


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
