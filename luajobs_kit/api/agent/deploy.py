"""Deploying an agent: a plan of what is to be done to its jobs, then doing it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from luajobs_kit.api._session import Session
from luajobs_kit.api.agent.agents import LuaAgent
from luajobs_kit.api.agent.tool_offers import OfferedTool, ToolOffers
from luajobs_kit.api.jobs.version_diff import FieldChange, changed_fields
from luajobs_kit.model import Job, JobSpec, OnceSchedule
from luajobs_kit.port import Port

Action = Literal["create", "update", "rearm", "deactivate", "leave"]
_SIGNS: dict[Action, str] = {
    "create": "+",
    "update": "~",
    "rearm": "↻",
    "deactivate": "-",
    "leave": "=",
}


@dataclass(frozen=True, slots=True)
class Step:
    """What is done to one job, and why."""

    action: Action
    job: str
    why: str
    changes: tuple[FieldChange, ...] = ()

    def __str__(self) -> str:
        return f"{_SIGNS[self.action]} {self.action} {self.job}: {self.why}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a deployment, done already unless it was a dry run."""

    agent: str
    steps: tuple[Step, ...]
    tools: tuple[str, ...]
    dry_run: bool

    @property
    def changes(self) -> int:
        """How many jobs are changed."""
        return sum(step.action != "leave" for step in self.steps)

    def __str__(self) -> str:
        done = "would be changed" if self.dry_run else "changed"
        lines = [f"{self.agent}: {self.changes} of {len(self.steps)} jobs {done}"]
        lines += [f"  {step}" for step in self.steps]
        if self.tools:
            lines.append(f"  tools that jobs may call: {', '.join(self.tools)}")
        return "\n".join(lines)

    __repr__ = __str__


async def deploy(session: Session, offers: ToolOffers, agent: LuaAgent, *, dry_run: bool) -> Plan:
    """Make the agent's jobs true in the engine (see ``Workspace.deploy``)."""
    specs = {job.name: job.spec(session) for job in agent.jobs}
    if not dry_run:
        for tool in agent.tools.values():
            offers.add(OfferedTool.of_lua_tool(tool, session))
    there = {job.name: job for job in await session.ask(Port.list_jobs)}
    steps = [_step(spec, there.get(name)) for name, spec in specs.items()]
    # One that is paused may have runs that wait, and is not to be let go on by activate().
    gone = [
        job
        for name, job in there.items()
        if name not in specs and job.status in {"active", "paused"}
    ]
    steps += [Step("deactivate", job.name, "the agent deployed now has it no more") for job in gone]
    if not dry_run:
        for place, step in enumerate(steps):
            if step.action == "deactivate":
                done = await session.ask(Port.deactivate_job, there[step.job].id)
            elif step.action != "leave":
                done = await session.ask(Port.create_job, specs[step.job])
            else:
                continue
            steps[place] = replace(step, why=step.why + done.cancelled_in_words)
    return Plan(agent.name, tuple(steps), tuple(agent.tools), dry_run)


def _step(spec: JobSpec, job: Job | None) -> Step:
    if job is None or job.active_version is None:
        return Step("create", spec.name, "it is new")
    changes = changed_fields(job.active_version, spec)
    if changes:
        words = ", ".join(change.field for change in changes)
        return Step("update", spec.name, f"{words} changed", changes)
    if not job.active:
        relative = isinstance(spec.schedule, OnceSchedule) and spec.schedule.after is not None
        if relative and job.last_run_at is not None:
            return Step("rearm", spec.name, "it has run, and counts from now again")
        return Step("leave", spec.name, "unchanged, and inactive: job.activate() turns it on")
    return Step("leave", spec.name, "unchanged")
