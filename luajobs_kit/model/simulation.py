"""The answer of a simulation: the coming days as they would go."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from luajobs_kit.model._document import Document, Instant
from luajobs_kit.model.events import FireSkipped
from luajobs_kit.model.execution import Execution
from luajobs_kit.model.log import LogLine
from luajobs_kit.model.users import Message


class EntryChange(Document):
    """An entry of a collection (or a product, in ``$products``) that the simulation changed."""

    collection: str
    id: str
    before: dict[str, Any] | None = None  # None: it was created
    after: dict[str, Any] | None = None  # None: it was deleted


class Simulation(Document):
    """Every run, message and change of data between ``start`` and ``end``, in order of time."""

    start: Instant
    end: Instant  # earlier than asked for when a bound was reached
    seed: int
    executions: list[Execution] = Field(default_factory=list)
    skipped: list[FireSkipped] = Field(default_factory=list)
    messages: list[Message] = Field(default_factory=list)
    logs: list[LogLine] = Field(default_factory=list)
    changes: list[EntryChange] = Field(default_factory=list)
    refused: list[str] = Field(default_factory=list)
    """Requests that would have left the workspace and that no response was given for."""
    left_out: list[Execution] = Field(default_factory=list)
    """What was running when it began: how far that had got cannot be copied, so nothing here tells of it."""
    stopped: str | None = None  # which bound ended it early, in words
