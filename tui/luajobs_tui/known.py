"""What there is to know, and what of it has to be painted."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from luajobs_kit.model import EngineStatus, Execution, Job, LogLine, Message

LINES_KEPT: Final = 5_000  # log lines of the selected job
EXECUTIONS_KEPT: Final = 100
MESSAGES_KEPT: Final = 100

Topic = Literal["log", "executions", "code", "schedule", "messages"]
TOPICS: Final[tuple[Topic, ...]] = ("log", "executions", "code", "schedule", "messages")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the table needs, read afresh."""

    status: EngineStatus
    jobs: list[Job]


@dataclass(slots=True)
class Changed:
    """What has to be painted."""

    order: bool = False  # rows came, went, or another filter holds
    rows: set[str] = field(default_factory=set)
    topics: set[Topic] = field(default_factory=set)
    lines: list[LogLine] = field(default_factory=list)  # new at the end of the log
    header: bool = False


@dataclass(slots=True)
class Detail:
    """What is known of the selected job beyond its row; a topic is read when it is looked at."""

    job_id: str | None = None
    loaded: set[Topic] = field(default_factory=set)
    lines: deque[LogLine] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))
    executions: dict[str, Execution] = field(default_factory=dict)  # newest first
    fires: list[datetime] = field(default_factory=list)
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=MESSAGES_KEPT))
