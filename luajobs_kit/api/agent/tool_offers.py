"""Tools on offer to jobs: what a workspace's owner lets job code call as ``tools.NAME(…)``.

A tool is an async function (``@ws.tool``) or a ``LuaTool`` (``ws.tool(…)``, ``ws.deploy(agent)``).
It runs in the process that offers it, for as long as that lives.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import BaseModel, TypeAdapter, ValidationError

from luajobs_kit.acting_user import acting_as
from luajobs_kit.api._session import Bound, Session
from luajobs_kit.api._signatures import arguments_of, first_problem, values_of
from luajobs_kit.api.agent.tools import LuaTool, check_tool
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


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """An offered tool: its description for the engine, and what to call in this process."""

    offer: ToolOffer
    call: Callable[[Mapping[str, Any]], Awaitable[Any]]

    @classmethod
    def of_function(
        cls, function: Callable[..., Awaitable[Any]], name: str | None, timeout: float
    ) -> OfferedTool:
        """Raise ``InvalidInput`` for a function that is not async or takes unnamed arguments."""
        called = name or function.__name__
        if not inspect.iscoroutinefunction(function):
            raise InvalidInput(f"A tool is an async function: write `async def {called}(…)`.")
        if not called.isidentifier():
            raise InvalidInput(f"{called!r} cannot be written as tools.NAME; choose another name.")
        model = arguments_of(function, f"tool {called}")

        async def call(arguments: Mapping[str, Any]) -> Any:
            return await function(**values_of(_validated(model, called, arguments)))

        offer = ToolOffer(
            name=called,
            description=inspect.getdoc(function),
            input_schema=model.model_json_schema(),
            timeout=_seconds(timeout),
        )
        return cls(offer, call)

    @classmethod
    def of_lua_tool(
        cls, tool: LuaTool[Any], session: Session, timeout: float = DEFAULT_TOOL_TIMEOUT
    ) -> OfferedTool:
        """Raise ``InvalidInput`` for a tool that lacks a part."""
        check_tool(tool)

        async def call(arguments: Mapping[str, Any]) -> Any:
            return await tool.call(arguments, workspace=session)

        offer = ToolOffer(
            name=tool.name,
            description=tool.description,
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


def _validated(model: type[BaseModel], name: str, arguments: Mapping[str, Any]) -> BaseModel:
    try:
        return model.model_validate(arguments)
    except ValidationError as problem:
        field_name, words = first_problem(problem)
        raise InvalidInput(f"tools.{name}: {field_name}: {words}", field=field_name) from None


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
                value = as_answer(await self._tools[call.name].call(unpack(call.arguments)))
            except Exception as problem:  # noqa: BLE001 - a tool may raise anything; the run gets it as ToolError
                error = {"type": type(problem).__name__, "message": str(problem)}
        with suppress(NotFound, EngineUnavailable):  # the run that called it has ended
            await port.answer(call.id, value, error)


def as_answer(value: Any) -> Any:
    """Return what a tool gave as JSON, bytes packed.

    Raises ``TypeError`` or ``ValueError`` for what JSON has no form for.
    """
    flat = TypeAdapter(Any).dump_python(value)  # models and dataclasses as dicts, bytes as bytes
    return TypeAdapter(Any).dump_python(pack(flat), mode="json")


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
            try:
                return wrap(unpack(as_answer(await session.offered(name)(arguments))))
            except LuaJobsError:
                raise
            except Exception as problem:
                raise ToolError(f"{type(problem).__name__}: {problem}") from problem

        return call
