"""``lua_tool``: a tool made from a typed function."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, overload

from pydantic import BaseModel

from luajobs_kit.api._signatures import arguments_of, values_of
from luajobs_kit.api.agent.tools import LuaTool, check_tool
from luajobs_kit.errors import InvalidInput


class FunctionTool(LuaTool[BaseModel]):
    """A tool made from a function by ``lua_tool``; it can still be called as that function."""

    def __init__(
        self,
        function: Callable[..., Awaitable[Any]],
        *,
        name: str | None,
        description: str | None,
        output_schema: Any,
    ) -> None:
        self.name = name or function.__name__
        self.description = description or inspect.getdoc(function) or ""
        self.input_schema = arguments_of(function, f"tool {self.name}")
        self.output_schema = output_schema
        self._function = function

    async def execute(self, input: BaseModel) -> Any:
        return await self._function(**values_of(input))

    def __call__(self, *arguments: Any, **named: Any) -> Awaitable[Any]:
        return self._function(*arguments, **named)


@overload
def lua_tool(function: Callable[..., Awaitable[Any]], /) -> FunctionTool: ...


@overload
def lua_tool(
    *, name: str | None = None, description: str | None = None, output_schema: Any = None
) -> Callable[[Callable[..., Awaitable[Any]]], FunctionTool]: ...


def lua_tool(
    function: Callable[..., Awaitable[Any]] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    output_schema: Any = None,
) -> Any:
    """Make a tool of a typed async function: its parameters are the input, its docstring the description.

    ::

        @lua_tool
        async def add(a: float, b: float) -> float:
            "Add two numbers"
            return a + b
    """

    def made(function: Callable[..., Awaitable[Any]]) -> FunctionTool:
        if not inspect.iscoroutinefunction(function):
            raise InvalidInput(
                f"lua_tool needs an async function: write `async def {_name(function)}(…)`."
            )
        tool = FunctionTool(
            function, name=name, description=description, output_schema=output_schema
        )
        check_tool(tool)
        return tool

    return made if function is None else made(function)


def _name(function: object) -> str:
    return getattr(function, "__name__", "execute")
