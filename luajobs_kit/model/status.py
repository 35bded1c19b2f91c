"""Answers about the engine itself, and pages of executions and log lines."""

from __future__ import annotations

from pydantic import Field

from luajobs_kit.model._document import Document, Instant
from luajobs_kit.model.data import Pagination
from luajobs_kit.model.execution import Execution
from luajobs_kit.model.log import LogLine


class ExecutionPage(Document):
    """Executions, newest first."""

    executions: list[Execution] = Field(default_factory=list)
    total: int
    limit: int
    offset: int


class LogPage(Document):
    """Log lines, newest first, or oldest first where they follow a cursor."""

    logs: list[LogLine] = Field(default_factory=list)
    pagination: Pagination


class EngineStatus(Document):
    """What an engine says of itself."""

    version: str
    workspace: str | None  # the folder; None in memory
    pid: int
    started_at: Instant
    now: Instant
    epoch: str
    jobs: int
    active_jobs: int
    running: int
    waiting: int  # executions pending, retries among them
    next_fire_at: Instant | None = None
    clients: int = 0
    unwritten: str | None = None  # in words: why nothing can be written now
    stays: str = ""  # in words: until when, and why
    default_user: str
    agent_id: str

    def __repr__(self) -> str:
        where = self.workspace or "memory"
        return (
            f"<EngineStatus pid {self.pid} in {where}: {self.jobs} jobs, {self.running} running, "
            f"{self.stays}>"
        )
