"""Powers: functions of the workspace's owner that job code calls as ``tools.NAME(...)``."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pydantic import BaseModel, TypeAdapter, ValidationError

from luajobs_kit.acting_user import acting_as
from luajobs_kit.api._session import Bound
from luajobs_kit.api._signatures import arguments_of, say, values_of
from luajobs_kit.errors import EngineUnavailable, InvalidInput, NotFound, PowerUnavailable
from luajobs_kit.port import Port, PowerCall, PowerOffer

if TYPE_CHECKING:
    from luajobs_kit.api.agent.tools import LuaTool
    from luajobs_kit.api.workspace import Workspace

DEFAULT_POWER_TIMEOUT = 30.0  # seconds a job waits for a power's answer


@dataclass(frozen=True, slots=True)
class Power:
    """A named function with a model of its arguments; a deployed tool is one too."""

    offer: PowerOffer
    call: Callable[[Mapping[str, Any]], Awaitable[Any]]

    @classmethod
    def of_function(
        cls, function: Callable[..., Awaitable[Any]], name: str | None, timeout: float
    ) -> Power:
        """Raise ``InvalidInput`` for a function that is not async or takes unnamed arguments."""
        called = name or function.__name__
        if not inspect.iscoroutinefunction(function):
            raise InvalidInput(f"A power is an async function: write `async def {called}(…)`.")
        if not called.isidentifier():
            raise InvalidInput(f"{called!r} cannot be written as tools.NAME; choose another name.")
        model = arguments_of(function, f"power {called}")

        async def call(arguments: Mapping[str, Any]) -> Any:
            return await function(**values_of(_validated(model, called, arguments)))

        offer = PowerOffer(
            name=called,
            description=inspect.getdoc(function),
            input_schema=model.model_json_schema(),
            timeout=timeout,
        )
        return cls(offer, call)

    @classmethod
    def of_tool(cls, tool: LuaTool[Any], workspace: Workspace) -> Power:
        async def call(arguments: Mapping[str, Any]) -> Any:
            return await tool.call(arguments, workspace=workspace)

        offer = PowerOffer(
            name=tool.name,
            description=tool.description,
            input_schema=tool.json_schema(),
            timeout=DEFAULT_POWER_TIMEOUT,
        )
        return cls(offer, call)


def _validated(model: type[BaseModel], name: str, arguments: Mapping[str, Any]) -> BaseModel:
    try:
        return model.model_validate(arguments)
    except ValidationError as problem:
        field_name, words = say(problem)
        raise InvalidInput(f"tools.{name}: {field_name}: {words}", field=field_name) from None


@dataclass(slots=True)
class _Serving:
    """What one event loop offers."""

    names: set[str] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class Powers:
    """The powers of one workspace, offered for as long as a loop of this process runs.

    A name that is registered again replaces its function and keeps its offer, so a cell
    may be run twice.
    """

    def __init__(self) -> None:
        self._powers: dict[str, Power] = {}
        self._serving: WeakKeyDictionary[asyncio.AbstractEventLoop, _Serving] = WeakKeyDictionary()

    def add(self, power: Power) -> None:
        self._powers[power.offer.name] = power

    def get(self, name: str) -> Power | None:
        return self._powers.get(name)

    def names(self) -> list[str]:
        return sorted(self._powers)

    def serve(self, port: Port) -> None:
        """Offer to the engine what is not offered yet from the running loop."""
        serving = self._serving.setdefault(asyncio.get_running_loop(), _Serving())
        fresh = [power.offer for name, power in self._powers.items() if name not in serving.names]
        if not fresh:
            return
        serving.names |= {offer.name for offer in fresh}
        calls = port.offer(fresh)  # an engine in this process knows of them from here on
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
        self, port: Port, calls: Any, offers: list[PowerOffer], serving: _Serving
    ) -> None:
        running: set[asyncio.Task[None]] = set()
        try:
            async with aclosing(calls) as stream:
                async for call in stream:
                    task = asyncio.create_task(self._answer(port, call))
                    running.add(task)
                    task.add_done_callback(running.discard)
        except EngineUnavailable:
            pass  # the next thing asked of the workspace finds an engine and offers again
        finally:
            serving.names -= {offer.name for offer in offers}
            for task in running:
                task.cancel()

    async def _answer(self, port: Port, call: PowerCall) -> None:
        error: dict[str, Any] | None = None
        value: Any = None
        with acting_as(call.user_id):
            try:
                value = TypeAdapter(Any).dump_python(
                    await self._powers[call.name].call(call.arguments), mode="json"
                )
            except Exception as problem:  # noqa: BLE001 - a power may raise anything; the job is told
                error = {"type": type(problem).__name__, "message": str(problem)}
        with suppress(NotFound, EngineUnavailable):  # the run that asked has ended
            await port.answer(call.id, value, error)


class Tools(Bound):
    """The powers of a workspace by name; in this process they are called directly."""

    __inside__ = "tools"

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        if name.startswith("_"):
            raise AttributeError(name)
        powers = self._workspace.powers
        power = powers.get(name)
        if power is None:
            listed = ", ".join(f"tools.{one}" for one in powers.names()) or "none"
            raise PowerUnavailable(
                f"Nobody offers tools.{name} here. Offered: {listed}. Register it with @ws.power.",
                name=name,
            )

        async def call(**arguments: Any) -> Any:
            return await power.call(arguments)

        return call
