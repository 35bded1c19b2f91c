"""Tools on offer to jobs: what a workspace's owner lets job code call as ``tools.NAME(…)``.

A tool is a function (``@ws.tool``) or a ``LuaTool`` (``ws.tool(…)``, ``ws.deploy(agent)``).
It runs in the process that offers it, for as long as that lives.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from luajobs_kit.acting_user import acting_as
from luajobs_kit.api._session import Bound, Session
from luajobs_kit.api.agent.tool_threads import LoopThread, ToolLoops, in_thread
from luajobs_kit.api.agent.tools import FunctionTool, LuaTool, check_tool, refuse_uncallable
from luajobs_kit.api.connection import Connection
from luajobs_kit.argument_help import did_you_mean
from luajobs_kit.bytes_in_json import pack, unpack
from luajobs_kit.errors import (
    EngineUnavailable,
    InvalidInput,
    LuaJobsError,
    NotFound,
    ToolError,
    ToolUnavailable,
)
from luajobs_kit.port import Port, ToolCall, ToolOffer
from luajobs_kit.record import wrap
from luajobs_kit.timing.durations import read_number

DEFAULT_TOOL_TIMEOUT = 30.0  # seconds a job waits for a tool's answer
TAKEN: Final = 1.0  # seconds a tool works before the engine is told that it does


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """An offered tool: its description for the engine, and what to call in this process."""

    offer: ToolOffer
    call: Callable[[Mapping[str, Any]], Coroutine[Any, Any, Any]]

    @classmethod
    def of(
        cls,
        tool: Any,
        session: Session,
        *,
        name: str | None = None,
        timeout: float = DEFAULT_TOOL_TIMEOUT,
    ) -> OfferedTool:
        """Return a ``LuaTool`` or a function as it is offered; ``name`` is for a function.

        Raises ``InvalidInput`` for what cannot be a tool, or cannot be called by its name.
        """
        if not isinstance(tool, LuaTool):
            tool = FunctionTool(tool, name=name)
        elif name not in {None, tool.name}:
            raise InvalidInput(f"{tool!r} has a name; leave out name={name!r}.", field="name")
        else:
            check_tool(tool)
        refuse_uncallable(tool.name)

        async def call(arguments: Mapping[str, Any]) -> Any:
            try:
                given = tool.validated(arguments)
            except ToolError as refused:
                message = f"tools.{refused.message}"
                raise InvalidInput(message, field=refused.details.get("field")) from None
            return await tool.call(given, workspace=session)

        offer = ToolOffer(
            name=tool.name,
            description=tool.description or None,
            input_schema=tool.json_schema(),
            timeout=_seconds(timeout),
            offered_by=_whose(),
        )
        return cls(offer, call)


def _seconds(timeout: float) -> float:
    seconds = read_number(timeout, "timeout")
    if seconds <= 0:
        raise InvalidInput(
            f"timeout={timeout!r}: a tool needs more than 0 seconds to answer.", field="timeout"
        )
    return seconds


class ToolOffers:
    """The tools of one workspace, offered for as long as this process runs.

    An engine in another process is answered from a thread of its own, so it is answered while the
    loop that offers is busy. Wherever calls come in, tools run on a loop that is neither's.

    A name that is registered again replaces its function, and its offer where that differs, so a
    cell may be edited and run again.
    """

    def __init__(self) -> None:
        self._tools: dict[str, OfferedTool] = {}
        self._offered: set[str] = set()
        self._answering: set[asyncio.Task[None]] = set()
        self._loops = ToolLoops()
        self._server: LoopThread | None = None
        self._connection: Connection | None = None  # the server's
        self._opening: set[Future[None]] = set()

    def add(self, tool: OfferedTool) -> None:
        name = tool.offer.name
        if name in self._tools and self._tools[name].offer != tool.offer:
            self._offered.discard(name)  # other arguments, another timeout: offered anew
        self._tools[name] = tool

    @property
    def names(self) -> list[str]:
        return sorted(self._tools)

    def named(self, name: str) -> OfferedTool:
        """Return an offered tool. Raises ``ToolUnavailable``."""
        if name not in self._tools:
            listed = ", ".join(f"tools.{one}" for one in sorted(self._tools)) or "none"
            meant = did_you_mean(name, self._tools)
            raise ToolUnavailable(
                f"Nobody offers tools.{name}.{meant} Offered now: {listed}. Register it with "
                "@ws.tool.",
                name=name,
            )
        return self._tools[name]

    def serve(self, port: Port) -> None:
        """Offer what is not offered yet to an engine that runs on the running loop."""
        fresh = self._fresh()
        if fresh:
            self._begin(port, fresh)

    async def serve_apart(self, folder: Path) -> None:
        """Offer what is not offered yet to the engine of a folder; return when jobs can call it.

        Where there is no engine, the next request of the workspace finds one and comes here again.
        """
        fresh = self._fresh()
        if fresh:
            if self._server is None:
                self._server = LoopThread("tools server")
            opening = asyncio.run_coroutine_threadsafe(self._open(folder, fresh), self._server.loop)
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)
        for opening in list(self._opening):  # another task's too
            await asyncio.shield(asyncio.wrap_future(opening))

    async def stop(self) -> None:
        """Offer nothing any more."""
        for task in list(self._answering):
            task.get_loop().call_soon_threadsafe(task.cancel)
        server, self._server, self._connection = self._server, None, None
        if server is not None:
            server.stop()
            await in_thread(server.join)
        elif self._answering:
            await asyncio.wait(self._answering)
        self._loops.stop()
        self._offered.clear()

    def _fresh(self) -> list[ToolOffer]:
        fresh = [tool.offer for name, tool in self._tools.items() if name not in self._offered]
        self._offered |= {offer.name for offer in fresh}
        return fresh

    async def _open(self, folder: Path, fresh: list[ToolOffer]) -> None:
        """Offer to the engine of a folder, from the server's loop."""
        try:
            if self._connection is None or self._connection.port.cancelled():
                self._connection = Connection(folder)
            port = await asyncio.shield(self._connection.port)
            self._begin(port, fresh)
            await port.tools()  # it is answered when the offer is open
        except BaseException as problem:
            self._connection = None
            self._offered -= {offer.name for offer in fresh}
            if not isinstance(problem, LuaJobsError):
                raise

    def _begin(self, port: Port, fresh: list[ToolOffer]) -> None:
        calls = port.offer(fresh)  # an engine in this process can call them from here on
        task = asyncio.create_task(self._answer_all(port, calls, fresh))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer_all(self, port: Port, calls: Any, offers: list[ToolOffer]) -> None:
        running: set[asyncio.Task[None]] = set()
        try:
            async with aclosing(calls) as stream:
                async for call in stream:
                    task = asyncio.create_task(self._answer(port, call))
                    running.add(task)
                    task.add_done_callback(running.discard)
        except EngineUnavailable:
            pass  # the next request of the workspace finds an engine, and offers the tools again
        finally:
            self._offered -= {offer.name for offer in offers}
            for task in running:
                task.cancel()

    async def _answer(self, port: Port, call: ToolCall) -> None:
        error: dict[str, Any] | None = None
        value: Any = None
        tool = self._tools[call.name]
        with acting_as(call.user_id):
            working = asyncio.create_task(
                self._loops.run(lambda: tool.call(unpack(call.arguments)))
            )
            try:
                patience = min(TAKEN, tool.offer.timeout / 2)
                if not (await asyncio.wait({working}, timeout=patience))[0]:
                    with suppress(NotFound, EngineUnavailable):
                        await port.take(call.id)
                value = pack(await working)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    working.cancel()
                    raise
                error = {"type": "ToolError", "message": f"{call.name} failed: it was cancelled"}
            except Exception as problem:  # noqa: BLE001 - whatever it is, the run is told
                error = {"type": type(problem).__name__, "message": str(problem)}
        with suppress(NotFound, EngineUnavailable):  # the run that called it has ended
            try:
                await port.answer(call.id, value, error)
            except (LuaJobsError, ValueError) as problem:
                if isinstance(problem, NotFound | EngineUnavailable):
                    raise
                message = f"{call.name} returned what cannot be passed on: {problem}"
                await port.answer(call.id, None, {"type": "ToolError", "message": message})


def _whose() -> str:
    """Return what a person knows this process as."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    program = Path(sys.argv[0]).name if sys.argv else ""
    known = "notebook" if hasattr(shell, "kernel") else f"program {program or 'Python'}"
    return f"{known} (process {os.getpid()})"


class Tools(Bound):
    """The tools that this process offers, by name; here they are called directly."""

    __inside__ = "tools"

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        if name.startswith("_"):
            raise AttributeError(name)
        session = self._session

        async def call(*positional: Any, **arguments: Any) -> Any:
            if positional:
                raise TypeError(f"tools.{name} takes its arguments by name: tools.{name}(key=…)")
            return wrap(await session.offered(name)(arguments))

        return call
