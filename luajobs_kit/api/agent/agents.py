"""``LuaAgent``, ``LuaSkill`` and ``LuaJob``: an agent's parts, declared by its owner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from luajobs_kit.api._json_values import build, to_object
from luajobs_kit.api._session import Session
from luajobs_kit.api._unawaited import awaited_as
from luajobs_kit.api.agent.tools import LuaTool, as_lua_tool
from luajobs_kit.api.jobs.options import (
    Execute,
    RetryLike,
    ScheduleLike,
    bundle_of,
    retry_of,
    schedule_of,
)
from luajobs_kit.argument_help import did_you_mean
from luajobs_kit.errors import InvalidInput, ToolError
from luajobs_kit.json_walk import shortened
from luajobs_kit.model import Bundle, CatchUp, JobSpec, Overlap
from luajobs_kit.name_rules import check_name


@dataclass(kw_only=True)
class LuaJob:
    """A pre-defined job of an agent: made true by ``ws.deploy(agent)``, with no user of its own.

    Its code is captured here, where it is declared. Raises ``InvalidInput`` for what cannot
    be a job.
    """

    name: str
    schedule: ScheduleLike
    execute: Execute | None = None
    source: str | Path | None = None
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    timeout: float | None = None  # seconds; None: 300, or timeout_ceiling where that is less
    retry: RetryLike = None
    overlap: Overlap = "skip"
    catch_up: CatchUp = "once"
    tools: list[str] | None = None
    env: list[str] | None = None
    bundle: Bundle = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_name(self.name, "a job", example="daily-report")
        self.bundle = bundle_of(self.execute, self.source)

    def spec(self, session: Session) -> JobSpec:
        """Return what is asked of the engine. Raises ``InvalidInput``."""
        return build(
            JobSpec,
            f"LuaJob {self.name!r}",
            name=self.name,
            bundle=self.bundle,
            schedule=schedule_of(self.schedule, session.now),
            metadata=to_object(self.metadata, "metadata"),
            description=self.description,
            timeout=self.timeout,
            retry=retry_of(self.retry),
            overlap=self.overlap,
            catch_up=self.catch_up,
            tools=self.tools,
            env=self.env,
            dynamic=False,
        )


def lua_job(
    *,
    schedule: ScheduleLike,
    name: str | None = None,
    description: str | None = None,
    **options: Any,
) -> Callable[[Callable[..., Awaitable[Any]]], LuaJob]:
    """Make a ``LuaJob`` of the function below; ``options`` are those of ``LuaJob``.

    ::

        @lua_job(schedule=cron("0 8 * * *"))
        async def morning_count(job):
            "Count the open tickets"
            print(len(await Data.get("tickets", {"status": "open"})))
    """

    def made(function: Callable[..., Awaitable[Any]]) -> LuaJob:
        return LuaJob(
            name=name or function.__name__.replace("_", "-"),
            schedule=schedule,
            execute=function,
            description=description or function.__doc__,
            **options,
        )

    return made


@dataclass(kw_only=True)
class LuaSkill:
    """Tools that belong together, with their description for the agent's model.

    ``tools`` are ``LuaTool`` objects and typed functions; jobs call the same ones as
    ``tools.NAME(…)`` once the agent is deployed. Raises ``InvalidInput`` for what cannot be one.
    """

    name: str
    tools: Sequence[LuaTool[Any] | Callable[..., Any]]
    description: str = ""
    context: str = ""
    condition: Callable[[], Awaitable[bool]] | None = None
    """Whether the acting user may use these tools now; None: always."""
    lua_tools: list[LuaTool[Any]] = field(init=False, repr=False)
    """The tools, each function among them made into a ``LuaTool``."""

    def __post_init__(self) -> None:
        check_name(self.name, "a skill", example="reminders")
        _check_list(self.tools, "tools", LuaTool)
        self.lua_tools = [as_lua_tool(tool) for tool in self.tools]


@dataclass(kw_only=True)
@awaited_as("agent")
class LuaAgent:
    """An agent: who it is, what it can do, and its pre-defined jobs."""

    name: str
    persona: str = ""
    skills: Sequence[LuaSkill] = ()
    jobs: Sequence[LuaJob] = ()
    model: str | None = None

    def __post_init__(self) -> None:
        check_name(self.name, "an agent", example="assistant")
        for part, kind, given in [("skills", LuaSkill, self.skills), ("jobs", LuaJob, self.jobs)]:
            _check_list(given, part, kind)
            for each in given:
                if not isinstance(each, kind):
                    raise InvalidInput(
                        f"{part} of the agent {self.name!r} has {shortened(each)}, and each is a "
                        f"{kind.__name__}.{_CURES[part]}",
                        field=part,
                    )
        for parts, names in {
            "tools": [tool.name for skill in self.skills for tool in skill.lua_tools],
            "jobs": [job.name for job in self.jobs],
        }.items():
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise InvalidInput(f"Agent {self.name!r} has two {parts} named {twice[0]!r}.")

    @property
    def tools(self) -> dict[str, LuaTool[Any]]:
        """Every tool of its skills, by name."""
        return {tool.name: tool for skill in self.skills for tool in skill.lua_tools}

    async def call_tool(
        self,
        name: str,
        input: Mapping[str, Any] | str,
        *,
        user: str | None = None,
        workspace: Session | None = None,
    ) -> Any:
        """Call a tool as ``user`` (None: who acts already) and return its output as plain JSON.

        ``input`` is a dict, or its JSON text, as OpenAI's API gives a call's ``arguments``.

        Raises ``ToolError`` with the tool's name, and the field when input or output is wrong.
        """
        for skill in self.skills:
            for tool in skill.lua_tools:
                if tool.name == name:
                    return await tool.call(
                        input, user=user, workspace=workspace, condition=skill.condition
                    )
        listed = ", ".join(self.tools) or "none"
        meant = did_you_mean(name, self.tools)
        raise ToolError(
            f"{self.name} has no tool {name!r}; its tools are: {listed}.{meant}", tool=name
        )


_CURES = {
    "skills": " Tools go into one: LuaSkill(name=…, tools=[…]).",
    "jobs": " A function is made into one by @lua_job(schedule=…).",
}


def _check_list(given: Any, part: str, kind: type) -> None:
    """Raise ``InvalidInput`` for one thing where a list of them is meant."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise InvalidInput(
            f"{part} must be a list of {kind.__name__}, not {shortened(given)}: {part}=[…].",
            field=part,
        )
