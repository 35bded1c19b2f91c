"""Events: every change of state is one, named in the past tense."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from luajobs_kit.model._document import Document, Instant
from luajobs_kit.model.execution import Execution, Progress
from luajobs_kit.model.job import Job
from luajobs_kit.model.log import LogLine
from luajobs_kit.model.users import Message


class _Event(Document):
    id: str = ""
    """``epoch.sequence``; an epoch is one life of an engine. Set when it is published."""
    at: Instant


class JobCreated(_Event):
    type: Literal["JobCreated"] = "JobCreated"
    job: Job


class JobUpdated(_Event):
    """A job's definition, metadata, activity or next fire changed."""

    type: Literal["JobUpdated"] = "JobUpdated"
    job: Job


class JobDeleted(_Event):
    type: Literal["JobDeleted"] = "JobDeleted"
    job_id: str
    job_name: str


class ExecutionClaimed(_Event):
    type: Literal["ExecutionClaimed"] = "ExecutionClaimed"
    execution: Execution


class ExecutionStarted(_Event):
    """An attempt began."""

    type: Literal["ExecutionStarted"] = "ExecutionStarted"
    execution: Execution


class AttemptFailed(_Event):
    """An attempt did not complete and a retry waits until ``execution.next_attempt_at``."""

    type: Literal["AttemptFailed"] = "AttemptFailed"
    execution: Execution


class ExecutionFinished(_Event):
    type: Literal["ExecutionFinished"] = "ExecutionFinished"
    execution: Execution


class ProgressReported(_Event):
    """A run told how far it is. Of what it tells more often, ten a second become events, and the last."""

    type: Literal["ProgressReported"] = "ProgressReported"
    execution_id: str
    job_id: str
    job_name: str
    progress: Progress


class FireSkipped(_Event):
    """``count`` fires were not run, the last of them at ``fire_time`` where that is known.

    A ``count`` above 1,000 means that more than 1,000 were missed: they are not counted further.
    """

    type: Literal["FireSkipped"] = "FireSkipped"
    job_id: str
    job_name: str
    fire_time: Instant | None = None
    count: int = 1
    reason: str


class LogWritten(_Event):
    type: Literal["LogWritten"] = "LogWritten"
    line: LogLine


class MessageSent(_Event):
    type: Literal["MessageSent"] = "MessageSent"
    message: Message


class Resync(_Event):
    """The cursor is of another epoch or too old: read afresh, then go on from this id."""

    type: Literal["Resync"] = "Resync"


Event = Annotated[
    JobCreated
    | JobUpdated
    | JobDeleted
    | ExecutionClaimed
    | ExecutionStarted
    | AttemptFailed
    | ExecutionFinished
    | ProgressReported
    | FireSkipped
    | LogWritten
    | MessageSent
    | Resync,
    Field(discriminator="type"),
]
