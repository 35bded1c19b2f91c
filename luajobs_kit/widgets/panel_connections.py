"""Two ways from a panel's thread to an engine: a connection of its own, or the kernel's loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar, cast

from luajobs_kit.errors import EngineUnavailable
from luajobs_kit.live.engine_link import EngineLink, Question
from luajobs_kit.model import Event
from luajobs_kit.port import Port

T = TypeVar("T")


class OwnConnection(EngineLink):
    """A connection of this thread to the folder's engine, which is started if there is none.

    The kernel's own loop may be held up by a busy cell; this one goes on.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port: Port | None = None
        self._opening = asyncio.Lock()

    async def ask(self, question: Question[T]) -> T:
        return await question(await self._connected())

    async def events(self, after: str) -> AsyncIterator[Event]:
        port = await self._connected()
        async with aclosing(cast("Any", port.events(after))) as stream:
            async for event in stream:
                yield event

    async def aclose(self) -> None:
        if self._port is not None:
            await self._port.aclose()

    async def _connected(self) -> Port:
        async with self._opening:
            if self._port is None:
                from luajobs_kit.client import connect  # noqa: PLC0415 - only who needs HTTP pays

                self._port = await connect(self._folder)
            return self._port


class ForeignLoop(EngineLink):
    """An engine that lives in another event loop of this process (a workspace in process)."""

    def __init__(self, port: Port, loop: asyncio.AbstractEventLoop) -> None:
        self._port = port
        self._loop = loop

    async def ask(self, question: Question[T]) -> T:
        if self._loop.is_closed():
            raise EngineUnavailable(
                "The engine ran in an event loop that is closed. Make the workspace again, and "
                "show its panel."
            )
        # The acting user travels along: the task there runs in a copy of this context.
        asked = asyncio.run_coroutine_threadsafe(question(self._port), self._loop)
        return await asyncio.wrap_future(asked)

    async def events(self, after: str) -> AsyncIterator[Event]:
        here = asyncio.get_running_loop()
        arrived: asyncio.Queue[Event | None] = asyncio.Queue()

        async def pump(port: Port) -> None:
            try:
                async with aclosing(cast("Any", port.events(after))) as stream:
                    async for event in stream:
                        here.call_soon_threadsafe(arrived.put_nowait, event)
            finally:
                if not here.is_closed():
                    here.call_soon_threadsafe(arrived.put_nowait, None)

        pumping = asyncio.ensure_future(self.ask(pump))
        try:
            while (event := await arrived.get()) is not None:
                yield event
            await pumping
        finally:
            pumping.cancel()
