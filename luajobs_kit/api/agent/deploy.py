"""Deploying an agent: its jobs made true in the engine, then its tools on offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from luajobs_kit.api._session import Session
from luajobs_kit.api.agent.agents import LuaAgent
from luajobs_kit.api.agent.tool_offers import OfferedTool, ToolOffers
from luajobs_kit.model import DeployAction, DeployStep, FieldChange
from luajobs_kit.model.job import cancelled_in_words
from luajobs_kit.port import Port

_SIGNS: Final[dict[DeployAction, str]] = {
    "create": "+",
    "update": "~",
    "rearm": "↻",
    "activate": "●",
    "deactivate": "-",
    "leave": "=",
}


@dataclass(frozen=True, slots=True)
class Step:
    """What is done to one job, and why."""

    action: DeployAction
    job: str
    why: str
    changes: tuple[FieldChange, ...] = ()

    @classmethod
    def of(cls, step: DeployStep) -> Step:
        """Return a step as the engine tells it."""
        why = step.why + cancelled_in_words(step.cancelled_runs)
        return cls(step.action, step.job, why, tuple(step.changes))

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
    specs = [job.spec(session) for job in agent.jobs]
    tools = [OfferedTool.of(tool, session) for tool in agent.tools.values()]
    deployment = await session.ask(Port.deploy_jobs, specs, dry_run=True)
    if not dry_run:  # nothing was refused: its jobs may run at once, and call its tools
        for tool in tools:
            offers.add(tool)
        deployment = await session.ask(Port.deploy_jobs, specs)
    steps = tuple(Step.of(step) for step in deployment.steps)
    return Plan(agent.name, steps, tuple(agent.tools), dry_run)
