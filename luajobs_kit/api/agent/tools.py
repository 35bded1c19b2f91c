"""``LuaTool``: something an agent can do for a user, as a class or from a typed function."""

from __future__ import annotations

import inspect
import json
import keyword
import logging
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar, overload

from pydantic import BaseModel, ValidationError

from luajobs_kit.acting_user import acting_as, acting_user, reaching
from luajobs_kit.api._session import Session, current_session, entered
from luajobs_kit.api._signatures import (
    arguments_of,
    first_problem,
    json_schema_of,
    values_of,
    without_others,
)
from luajobs_kit.api.agent import tool_output, tool_result
from luajobs_kit.api.agent.tool_docstring import described
from luajobs_kit.api.agent.tool_failure import told, traceback_of
from luajobs_kit.api.agent.tool_threads import in_thread
from luajobs_kit.errors import EngineUnavailable, InvalidInput, ToolError
from luajobs_kit.json_walk import shortened
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
    model that chooses tools (else the class's docstring), an ``input_schema`` and ``execute``::

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

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not hasattr(cls, "description") and cls.__doc__:
            cls.description = inspect.cleandoc(cls.__doc__)

    @abstractmethod
    async def execute(self, input: Input) -> Any:
        """Do it, for the acting user; return plain JSON or a pydantic model."""

    async def condition(self) -> bool:
        """Tell whether the acting user may use the tool now."""
        return True

    async def call(
        self,
        input: Mapping[str, Any] | str | Input,
        *,
        user: str | None = None,
        workspace: Session | None = None,
        condition: Callable[[], Awaitable[bool]] | None = None,
    ) -> Any:
        """Validate the input, run as ``user`` (None: who acts already), validate the output.

        ``input`` is a dict, or its JSON text, as OpenAI's API gives a call's ``arguments``.
        ``condition`` is asked before the tool's own (its skill's).

        Jobs it creates belong to that user, and reach no other. What it prints and logs is kept as log lines of
        source ``skill``, and the traceback of what it raises. Returns plain JSON, in which numpy's
        and pandas' values are numbers, lists and dicts, NaN is None, and bytes are left as bytes.

        Raises ``ToolError`` with the tool's name, and the field when input or output is wrong; for
        what the tool raises, with the line and the cause.
        """
        check_tool(self)
        session = workspace or current_session()
        with entered(session), acting_as(user or acting_user()), reaching("own"):
            given = self.validated(input)
            started = time.perf_counter()
            with tool_output.capture(session.now) as output:
                error: ToolError | None = None
                result: Any = None
                try:
                    await self._check_condition(condition)
                    result = self._plain(await self.execute(given))
                except ToolError as refused:
                    error = refused
                except (Exception, SystemExit) as problem:  # noqa: BLE001 - a tool may raise anything; its caller gets it as ToolError
                    error = ToolError(told(self.name, problem, self._file), tool=self.name)
                    error.__cause__ = problem
                took = (time.perf_counter() - started) * 1000
            await self._write_log(session, output, error, took)
            if error is not None:
                raise error
            return result

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the input: it takes no other fields, and enumerations are inline."""
        return json_schema_of(self._taken)

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

    @cached_property
    def _taken(self) -> type[BaseModel]:
        """The ``input_schema``, refusing fields that it does not have."""
        return without_others(self.input_schema)

    @property
    def _file(self) -> str:
        """The file of the tool's own code, as tracebacks name it."""
        return _file_of(type(self).execute)

    def validated(self, given: Mapping[str, Any] | str | Input) -> Input:
        """Return the input as ``execute`` takes it. Raises ``ToolError`` with the field."""
        if isinstance(given, self.input_schema):
            return given
        if isinstance(given, str | bytes):
            try:
                given = json.loads(
                    given or "{}"
                )  # a model that gives no arguments may give no text
            except ValueError as problem:
                message = f"{self.name}: its arguments are text that is no JSON: {problem}"
                raise ToolError(message, tool=self.name) from None
        if not isinstance(given, Mapping):
            message = f"{self.name}: its arguments must be a dict, not {shortened(given)}."
            raise ToolError(message, tool=self.name)
        try:
            taken: Any = self._taken.model_validate(given)
        except ValidationError as problem:
            field, words = first_problem(problem, self._taken)
            where = f"{self.name}: {field}" if field else self.name
            raise ToolError(f"{where}: {words}", tool=self.name, field=field) from None
        return taken  # type: ignore[no-any-return]

    def _plain(self, result: Any) -> Any:
        try:
            return tool_result.plain(result, self.output_schema)
        except ValidationError as problem:
            field, words = first_problem(problem)
            message = f"{self.name} returned what its output_schema refuses: {field}: {words}"
            raise ToolError(message, tool=self.name, field=field) from None
        except (ValueError, TypeError) as problem:
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
        if error is not None and error.__cause__ is not None:
            end += f"\n{traceback_of(error.__cause__)}"
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
    for part in ("execute", "condition"):
        if not inspect.iscoroutinefunction(inspect.unwrap(getattr(tool, part))):
            taken = "self, input" if part == "execute" else "self"
            raise InvalidInput(
                f"{kind}.{part} is no async function: write `async def {part}({taken})`. What takes "
                "long without awaiting goes into a thread: await asyncio.to_thread(work, input); a "
                "plain function as a tool runs in one.",
                field=part,
            )


def refuse_uncallable(name: str) -> None:
    """Raise ``InvalidInput`` for a tool's name that job code cannot write as ``tools.NAME(…)``."""
    if name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_"):
        return
    fit = re.sub(r"\W", "_", name).strip("_")
    fit = f"{fit}_tool" if keyword.iskeyword(fit) else fit
    meant = f", such as {fit!r}" if fit.isidentifier() else ""
    raise InvalidInput(
        f"A job cannot call a tool named {name!r}, for it cannot be written as tools.NAME; choose "
        f"another name{meant}.",
        field="name",
    )


def as_lua_tool(tool: LuaTool[Any] | Callable[..., Any]) -> LuaTool[Any]:
    """Return the tool, made of it where it is a function. Raises ``InvalidInput``."""
    made = tool if isinstance(tool, LuaTool) else FunctionTool(tool)
    check_tool(made)
    return made


def _check_function(function: Any) -> None:
    """Raise ``InvalidInput`` for what is no function, or one that gives no single answer."""
    called = _name(function)
    if isinstance(function, type):
        cure = f"write {called}()" if issubclass(function, LuaTool) else "write a function"
        raise InvalidInput(f"{called} is a class, and a tool is an object or a function: {cure}.")
    if isinstance(function, str):
        raise InvalidInput(
            f"{function!r} is text, and a tool is a function or a LuaTool. Its name is given as "
            f"name={function!r}."
        )
    if not inspect.isroutine(function):
        raise InvalidInput(
            f"A tool is a function or a LuaTool, not {shortened(function)} of type "
            f"{type(function).__name__}; write a function that calls it."
        )
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise InvalidInput(
            f"{called} yields, and a tool returns one answer: collect it in a list and return that."
        )


class FunctionTool(LuaTool[BaseModel]):
    """A tool made from a function by ``lua_tool``; it can still be called as that function.

    Raises ``InvalidInput`` for what cannot be one.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        output_schema: Any = None,
    ) -> None:
        _check_function(function)
        self.name = name or function.__name__
        if self.name == "<lambda>":
            raise InvalidInput("A lambda has no name to be called by; give one as name=….")
        words, arguments = described(function)
        self.description = description or words
        self.input_schema = arguments_of(function, f"tool {self.name}", arguments)
        self.output_schema = output_schema
        self._function = function

    @property
    def _file(self) -> str:
        return _file_of(self._function)

    async def execute(self, input: BaseModel) -> Any:
        if inspect.iscoroutinefunction(self._function):
            return await self._function(**values_of(input))
        answer = await in_thread(self._function, **values_of(input))
        return await answer if inspect.isawaitable(answer) else answer

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._function(*arguments, **named)


@overload
def lua_tool(function: Callable[..., Any], /) -> FunctionTool: ...


@overload
def lua_tool(
    *, name: str | None = None, description: str | None = None, output_schema: Any = None
) -> Callable[[Callable[..., Any]], FunctionTool]: ...


def lua_tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    output_schema: Any = None,
) -> Any:
    """Make a tool of a typed function: its parameters are the input, its docstring the description.

    ::

        @lua_tool
        async def add(a: float, b: float) -> float:
            '''Add two numbers.

            Args:
                a: The first one.
                b: The second.
            '''
            return a + b

    A plain ``def`` runs in a thread of its own, so what blocks in it holds up nothing else. Raises
    ``InvalidInput`` for what cannot be a tool.
    """

    def made(function: Callable[..., Any]) -> FunctionTool:
        tool = FunctionTool(
            function, name=name, description=description, output_schema=output_schema
        )
        check_tool(tool)
        return tool

    return made if function is None else made(function)


def _name(function: object) -> str:
    return getattr(function, "__name__", "execute")


def _file_of(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return str(getattr(code, "co_filename", ""))
