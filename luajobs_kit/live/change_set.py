"""The set of changes since a face last painted, and the topics that are read of a job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from luajobs_kit.model import Execution, LogLine, Message

Topic = Literal["log", "executions", "code", "schedule", "messages"]
TOPICS: Final[tuple[Topic, ...]] = ("log", "executions", "code", "schedule", "messages")


@dataclass(slots=True)
class Changed:
    """What to show anew since it was last asked; a topic stands for the whole of it."""

    everything: bool = False  # every job was read afresh
    engine: bool = False
    jobs: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    topics: set[Topic] = field(default_factory=set)
    lines: list[LogLine] = field(default_factory=list)  # new at the end of the log
    executions: dict[str, Execution] = field(default_factory=dict)  # new ones and changed ones
    messages: list[Message] = field(default_factory=list)  # new ones
