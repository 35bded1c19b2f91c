"""Messages from workers to the handlers. Workers never touch a widget."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import datetime
from typing import Any

from textual.message import Message

from luajobs_kit.live.job_form import Field
from luajobs_kit.model import Job


@dataclass
class NewsArrived(Message):
    """Something of what is known changed; one such message stands for all that wait."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, NewsArrived)


@dataclass
class RequestAnswered(Message):
    """The engine did what was asked."""

    text: str


@dataclass
class RequestRefused(Message):
    """The engine did not do what was asked, and says why."""

    text: str


@dataclass
class JobMade(Message):
    """The form's job was created."""

    job: Job


@dataclass
class FormRefused(Message):
    """The form's job was refused, for what stands in one of its fields."""

    text: str
    field: Field = "source"
    details: dict[str, Any] = dataclass_field(default_factory=dict)


@dataclass
class SchedulePreviewed(Message):
    """What the schedule being typed would do; ``problem`` where it would not do."""

    text: str
    words: str = ""
    fires: list[datetime] = dataclass_field(default_factory=list)
    problem: str | None = None
