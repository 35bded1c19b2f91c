"""One run of a job, with every attempt it took."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from luajobs_kit.model._document import Document, Instant

ExecutionStatus = Literal[
    "pending",
    "claimed",
    "running",
    "cancellation_requested",
    "completed",
    "failed",
    "timeout",
    "killed",
    "cancelled",
    "abandoned",
    "reaped",
]
FINAL: Final = frozenset(
    {"completed", "failed", "timeout", "killed", "cancelled", "abandoned", "reaped"}
)
"""Statuses after which nothing more happens (an attempt's; an execution's once no retry waits)."""
FAILED: Final = frozenset[ExecutionStatus]({"failed", "timeout", "killed", "abandoned"})
"""Statuses of what failed: of an attempt that a retry may follow, or of an execution for good."""

Cause = Literal["schedule", "catch_up", "manual"]


class RunError(Document):
    """Why an attempt did not complete, in its author's own terms."""

    type: str  # the exception's class name, or Timeout, Killed, Cancelled, Abandoned
    message: str
    line: int | None = None  # in the author's file
    text: str | None = None  # that line
    file: str | None = None
    trace: list[str] = Field(
        default_factory=list
    )  # one "file:line in function" a frame, outermost first

    @property
    def place(self) -> str:
        """``line 5``, and of which file where the run began in another; empty where no line is known."""
        if not self.line:
            return ""
        frames = [each for each in self.trace if not each.startswith(("after ", "… "))]
        elsewhere = self.file and frames and not frames[0].startswith(f"{self.file}:")
        return f"line {self.line} of {self.file}" if elsewhere else f"line {self.line}"


class Attempt(Document):
    """One try."""

    number: int  # from 1
    status: ExecutionStatus
    started_at: Instant
    completed_at: Instant | None = None
    duration: float | None = None  # ms
    result: Any = None
    error: RunError | None = None


class Progress(Document):
    """How far a run says that it is: ``done`` of ``total``, in units of its own choice."""

    done: int | float
    total: int | float | None = None  # None: nobody knows how much there is
    text: str | None = None  # what it does, or what the units are
    at: Instant  # when it was said

    @property
    def share(self) -> float | None:
        """How much of the whole is done, from 0 to 1."""
        return self.done / self.total if self.total else None


class Execution(Document):
    """A run, from claimed to recorded. ``result``, ``error`` and ``status`` are the newest attempt's.

    While a retry waits the status is ``pending`` and ``next_attempt_at`` says when.
    """

    id: str
    job_id: str
    job_name: str
    version_id: str
    version: str
    user_id: str | None = None
    cause: Cause
    status: ExecutionStatus = "pending"
    fire_time: Instant | None = None  # when it was due; None for a manual run
    armed_at: Instant | None = None  # which arming of the job its fire belongs to
    deactivated_at: Instant | None = None
    """When its job had been switched off, where this run was asked for after that: it goes on."""
    created_at: Instant  # when it was claimed
    started_at: Instant | None = None
    completed_at: Instant | None = None
    duration: float | None = None  # ms, of the newest attempt
    lateness: float | None = None  # seconds it was claimed or began after fire and jitter
    result: Any = None
    error: RunError | None = None
    retry_count: int = 0
    next_attempt_at: Instant | None = None
    alone: bool = False  # whether it begins only when the job's earlier executions are finished
    attempts: list[Attempt] = Field(default_factory=list)
    metadata: dict[str, Any] | None = None
    """What this run alone was given, on top of its job's metadata."""
    rerun_of: str | None = None  # the execution that it repeats
    progress: Progress | None = None  # the latest that its newest attempt told

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in FINAL
