"""Log lines, in the shape of Lua's logs route."""

from __future__ import annotations

from typing import Literal

from luajobs_kit.model._document import Document, Instant, Written

Level = Literal["debug", "info", "warn", "error"]


class LogSource(Document):
    """Where a line comes from."""

    log_source: str = "job"
    primitive_id: str | None = None  # the job's id
    primitive_name: str | None = None  # the job's name
    tool_name: str | None = None
    channel: str | None = None
    user_id: str | None = None
    execution_id: str | None = None
    attempt: int | None = None


class LogLine(Document):
    """One line. ``seq`` orders lines and is the cursor to follow from (0: not yet kept)."""

    seq: int = 0
    timestamp: Instant
    sub_type: Level = "info"
    message: str
    duration: float | None = None  # ms, on lines that close something
    metadata: LogSource

    @property
    def id(self) -> str:
        return f"log_{self.seq}"

    @property
    def level(self) -> str:
        """Lua's ``subType`` under the word that Python people know."""
        return self.sub_type


class LogQuery(Written):
    """Which lines. Newest first with pages, or from ``after`` onward, oldest first."""

    source: str | None = None
    job_id: str | None = None
    name: str | None = None
    execution_id: str | None = None
    user_id: str | None = None
    level: Level | None = None  # this level and above
    tool_name: str | None = None
    grep: str | None = None  # words that must all occur
    since: Instant | None = None
    after: int | None = None  # a line's seq: only later ones, oldest first
    limit: int = 20
    page: int = 1
    context: int = 0  # lines of the same run to add before and after each one found
