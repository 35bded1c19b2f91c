"""``LuaTool``: something an agent can do for a user, as a class or from a typed function."""

from __future__ import annotations

import inspect
import logging
import re
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Generic, TypeVar, overload

from pydantic import BaseModel, TypeAdapter, ValidationError

from luajobs_kit.acting_user import acting_as, acting_user, reaching
from luajobs_kit.api._session import Session, current_session, entered
from luajobs_kit.api._signatures import arguments_of, first_problem, values_of
from luajobs_kit.api.agent import tool_output
from luajobs_kit.errors import EngineUnavailable, InvalidInput, ToolError
from luajobs_kit.model import Level, LogLine, LogSource
from luajobs_kit.port import Port

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LOG_SOURCE = "skill"  # Lua's word for where a tool's log lines come from

Input = TypeVar("Input", bound=BaseModel)


class ToolLog:
    """The log of the tool call that is running, as ``job.log`` is a run's.

    It is called as a ``logging.Logger`` is: ``self.log.info("%d found", count, extra={…})``. No
    call raises; arguments that do not fit the message follow it.
    """

    def debug(self, /, *args: Any, **given: Any) -> None:
        tool_output.log("debug", args, given)

    def info(self, /, *args: Any, **given: Any) -> None:
        tool_output.log("info", args, given)

    def warning(self, /, *args: Any, **given: Any) -> None:
        tool_output.log("warn", args, given)

    warn = warning

    def error(self, /, *args: Any, **given: Any) -> None:
        tool_output.log("error", args, given)

    critical = fatal = error

    def exception(self, /, *args: Any, **given: Any) -> None:
        """Log an error with the exception that is being handled."""
        tool_output.log("error", args, {"exc_info": True, **given})

    def log(self, level: int | str, /, *args: Any, **given: Any) -> None:
        """Log at a level of ``logging``: a number, or its name."""
        number = level if isinstance(level, int) else logging.getLevelName(level)
        known = number if isinstance(number, int) else logging.INFO
        tool_output.log(tool_output.level_of(known), args, given)


class LuaTool(ABC, Generic[Input]):
    """Something an agent can do for a user.

    Subclass it with a ``name`` (letters, digits, ``-`` and ``_``), a ``description`` for the
    model that chooses tools, an ``input_schema`` and ``execute``::

        class Add(LuaTool):
            name = "add"
            description = "Add two numbers"

            class Input(BaseModel):
                a: float
                b: float

            input_schema = Input

            async def execute(self, input: Input) -> dict[str, float]:
                return {"sum": input.a + input.b}

    It runs in its owner's process, never in the engine.
    """

    name: str
    description: str
    input_schema: type[Input]
    output_schema: Any = None
    """A pydantic model or type that the result must fit; None takes any JSON."""
    log: ClassVar[ToolLog] = ToolLog()

    @abstractmethod
    async def execute(self, input: Input) -> Any:
        """Do it, for the acting user; return plain JSON or a pydantic model."""

    async def condition(self) -> bool:
        """Tell whether the acting user may use the tool now."""
        return True

    async def call(
        self,
        input: Mapping[str, Any],
        *,
        user: str | None = None,
        workspace: Session | None = None,
        condition: Callable[[], Awaitable[bool]] | None = None,
    ) -> Any:
        """Validate the input, run as ``user`` (None: who acts already), validate the output.

        ``condition`` is asked before the tool's own (its skill's).

        Jobs it creates belong to that user, and reach no other. What it prints and logs is kept as log lines of
        source ``skill``. Returns plain JSON.

        Raises ``ToolError`` with the tool's name, and the field when input or output is wrong.
        """
        check_tool(self)
        session = workspace or current_session()
        with entered(session), acting_as(user or acting_user()), reaching("own"):
            given = self._validated(input)
            started = time.perf_counter()
            with tool_output.capture(session.now) as output:
                error: ToolError | None = None
                result: Any = None
                try:
                    await self._check_condition(condition)
                    result = self._plain(await self.execute(given))
                except ToolError as refused:
                    error = refused
                except Exception as problem:  # noqa: BLE001 - a tool may raise anything; its caller gets it as ToolError
                    error = ToolError(_failure_message(self, problem), tool=self.name)
                    error.__cause__ = problem
                took = (time.perf_counter() - started) * 1000
            await self._write_log(session, output, error, took)
            if error is not None:
                raise error
            return result

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the input."""
        return self.input_schema.model_json_schema()

    def openai(self) -> dict[str, Any]:
        """Return the tool as OpenAI's chat API takes it in ``tools``."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": self.json_schema(),
            },
        }

    def anthropic(self) -> dict[str, Any]:
        """Return the tool as Anthropic's messages API takes it in ``tools``."""
        return {
            "name": self.name,
            "description": self.description,
            "input_schema": self.json_schema(),
        }

    async def _check_condition(self, condition: Callable[[], Awaitable[bool]] | None) -> None:
        if not (condition is None or await condition()) or not await self.condition():
            raise ToolError(f"{self.name} is not available now.", tool=self.name)

    def _validated(self, given: Mapping[str, Any] | Input) -> Input:
        if isinstance(given, self.input_schema):
            return given
        try:
            return self.input_schema.model_validate(given)
        except ValidationError as problem:
            field, words = first_problem(problem)
            where = f"{self.name}: {field}" if field else self.name
            raise ToolError(f"{where}: {words}", tool=self.name, field=field) from None

    def _plain(self, result: Any) -> Any:
        try:
            adapter = TypeAdapter(Any if self.output_schema is None else self.output_schema)
            checked = adapter.validate_python(result) if self.output_schema is not None else result
            return TypeAdapter(Any).dump_python(checked, mode="json", by_alias=True)
        except ValidationError as problem:
            field, words = first_problem(problem)
            message = f"{self.name} returned what its output_schema refuses: {field}: {words}"
            raise ToolError(message, tool=self.name, field=field) from None
        except ValueError as problem:
            message = f"{self.name} returned what JSON has no form for: {problem}"
            raise ToolError(message, tool=self.name) from None

    async def _write_log(
        self, session: Session, output: tool_output.ToolOutput, error: ToolError | None, took: float
    ) -> None:
        source = LogSource(
            log_source=_LOG_SOURCE,
            primitive_name=self.name,
            tool_name=self.name,
            user_id=acting_user(),
        )
        lines = [(at, level, text, None) for at, level, text in output.finish()]
        level: Level = "info" if error is None else "error"
        end = f"{self.name} completed" if error is None else error.message
        with suppress(EngineUnavailable):  # the tool has run: its caller still gets the result
            for at, kind, text, duration in [*lines, (session.now(), level, end, took)]:
                line = LogLine(
                    timestamp=at, sub_type=kind, message=text, duration=duration, metadata=source
                )
                await session.ask(Port.write_log, line)

    def __repr__(self) -> str:
        return f"<LuaTool {self.name!r}>"


def check_tool(tool: LuaTool[Any]) -> None:
    """Raise ``InvalidInput`` for a tool that lacks a part, or has one that cannot be."""
    kind = type(tool).__name__
    name = getattr(tool, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{kind}.name is {name!r}; a tool's name has 1 to 64 letters, digits, '-' and '_'.",
            field="name",
        )
    if not isinstance(getattr(tool, "description", None), str):
        raise InvalidInput(f"{kind} needs a description, in words for who chooses it.")
    schema = getattr(tool, "input_schema", None)
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        raise InvalidInput(
            f"{kind}.input_schema must be a pydantic model, not {schema!r}.", field="input_schema"
        )


def as_lua_tool(tool: LuaTool[Any] | Callable[..., Awaitable[Any]]) -> LuaTool[Any]:
    """Return the tool, made of it where it is a function. Raises ``InvalidInput``."""
    if inspect.isroutine(tool):
        return lua_tool(tool)
    assert isinstance(tool, LuaTool)
    check_tool(tool)
    return tool


def _failure_message(tool: LuaTool[Any], problem: Exception) -> str:
    frames = traceback.extract_tb(problem.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(_PACKAGE)]
    where = f" (line {own[-1].lineno} of {own[-1].filename})" if own else ""
    return f"{tool.name} failed: {type(problem).__name__}: {problem}{where}"


_PACKAGE = __file__.rpartition("/api/")[0]


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
