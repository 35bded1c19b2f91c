"""Tools on offer to jobs: what a workspace's owner lets job code call as ``tools.NAME(…)``.

A tool is a function (``@ws.tool``) or a ``LuaTool`` (``ws.tool(…)``, ``ws.deploy(agent)``).
It runs in the process that offers it, for as long as that lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from luajobs_kit.acting_user import acting_as
from luajobs_kit.api._session import Bound, Session
from luajobs_kit.api.agent.tools import FunctionTool, LuaTool, check_tool, refuse_uncallable
from luajobs_kit.bytes_in_json import pack, unpack
from luajobs_kit.errors import (
    EngineUnavailable,
    InvalidInput,
    NotFound,
    ToolError,
    ToolUnavailable,
)
from luajobs_kit.port import Port, ToolCall, ToolOffer
from luajobs_kit.record import wrap
from luajobs_kit.timing.durations import read_number

DEFAULT_TOOL_TIMEOUT = 30.0  # seconds a job waits for a tool's answer


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """An offered tool: its description for the engine, and what to call in this process."""

    offer: ToolOffer
    call: Callable[[Mapping[str, Any]], Awaitable[Any]]

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
        )
        return cls(offer, call)


def _seconds(timeout: float) -> float:
    seconds = read_number(timeout, "timeout")
    if seconds <= 0:
        raise InvalidInput(
            f"timeout={timeout!r}: a tool needs more than 0 seconds to answer.", field="timeout"
        )
    return seconds


@dataclass(slots=True)
class _LoopOffers:
    """The offers of one event loop: the names on offer, and the tasks that answer calls."""

    names: set[str] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class ToolOffers:
    """The tools of one workspace, offered for as long as a loop of this process runs.

    A name that is registered again replaces its function and keeps its offer, so a cell
    may be run twice.
    """

    def __init__(self) -> None:
        self._tools: dict[str, OfferedTool] = {}
        self._serving: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopOffers] = (
            WeakKeyDictionary()
        )

    def add(self, tool: OfferedTool) -> None:
        self._tools[tool.offer.name] = tool

    def named(self, name: str) -> OfferedTool:
        """Return an offered tool. Raises ``ToolUnavailable``."""
        if name not in self._tools:
            listed = ", ".join(f"tools.{one}" for one in sorted(self._tools)) or "none"
            raise ToolUnavailable(
                f"Nobody offers tools.{name}. Offered now: {listed}. Register it with @ws.tool.",
                name=name,
            )
        return self._tools[name]

    def serve(self, port: Port) -> None:
        """Offer to the engine what is not offered yet from the running loop."""
        serving = self._serving.setdefault(asyncio.get_running_loop(), _LoopOffers())
        fresh = [tool.offer for name, tool in self._tools.items() if name not in serving.names]
        if not fresh:
            return
        serving.names |= {offer.name for offer in fresh}
        calls = port.offer(fresh)  # an engine in this process can call them from here on
        task = asyncio.create_task(self._answer_all(port, calls, fresh, serving))
        serving.tasks.add(task)
        task.add_done_callback(serving.tasks.discard)

    async def stop(self) -> None:
        """Offer nothing any more from the running loop."""
        serving = self._serving.pop(asyncio.get_running_loop(), None)
        if serving is not None:
            tasks = list(serving.tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer_all(
        self, port: Port, calls: Any, offers: list[ToolOffer], serving: _LoopOffers
    ) -> None:
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
            serving.names -= {offer.name for offer in offers}
            for task in running:
                task.cancel()

    async def _answer(self, port: Port, call: ToolCall) -> None:
        error: dict[str, Any] | None = None
        value: Any = None
        with acting_as(call.user_id):
            try:
                value = pack(await self._tools[call.name].call(unpack(call.arguments)))
            except Exception as problem:  # noqa: BLE001 - whatever it is, the run is told
                error = {"type": type(problem).__name__, "message": str(problem)}
        with suppress(NotFound, EngineUnavailable):  # the run that called it has ended
            await port.answer(call.id, value, error)


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
