"""The values that go into the sandbox and come out of it, plain and frozen."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from luajobs_kit.author_lines import Segment, source_line
from luajobs_kit.errors import InvalidInput

Level = Literal["debug", "info", "warn", "error"]
Status = Literal["completed", "failed", "timeout", "killed", "abandoned"]

_LINE_ENDS: Final = re.compile(r"\r\n?|\n")  # as Python counts lines; str.splitlines splits at more
SMALLEST_MEMORY = 64 * 2**20  # bytes; below this the interpreter itself cannot work


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one run may use.

    Raises ``InvalidInput`` for a limit with which no run could work.
    """

    timeout: float = 300.0  # seconds of real time, from hand-over to result
    memory: int = 512 * 2**20  # bytes of address space, the interpreter's own 30 MB included
    cpu: float | None = None  # seconds of processor time; None: a second more than ``timeout``

    def __post_init__(self) -> None:
        if not (math.isfinite(self.timeout) and self.timeout > 0):
            raise InvalidInput(f"timeout must be a number of seconds above 0, not {self.timeout!r}")
        if self.memory < SMALLEST_MEMORY:
            raise InvalidInput(
                f"memory must be at least {SMALLEST_MEMORY} bytes (64 MB), not {self.memory!r}"
            )
        if self.cpu is not None and not (math.isfinite(self.cpu) and self.cpu > 0):
            raise InvalidInput(f"cpu must be a number of seconds above 0, not {self.cpu!r}")

    def within(self, ceiling: Limits) -> Limits:
        """Return these limits, none of them above ``ceiling``'s."""
        return Limits(
            timeout=min(self.timeout, ceiling.timeout),
            memory=min(self.memory, ceiling.memory),
            cpu=min(self.cpu_seconds, ceiling.cpu_seconds),
        )

    @property
    def cpu_seconds(self) -> float:
        # The kernel counts whole seconds, and also what a child used before its run. The time
        # limit should be reached first, so this is a second more.
        return self.timeout + 1 if self.cpu is None else self.cpu


@dataclass(frozen=True, slots=True)
class Program:
    """Source with one function to call. Line numbers shown are the author's own."""

    source: str
    entry: str
    first_line: int = 1  # where ``source`` begins in the author's file or cell
    file: str = "<source>"  # its name in tracebacks
    segments: tuple[Segment, ...] = ()  # where it comes from several places; their order is kept

    @property
    def key(self) -> str:
        """The hash under which its compiled code is cached."""
        parts = (self.source, self.entry, str(self.places))
        text = "\0".join(f"{len(part)}:{part}" for part in parts)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def places(self) -> tuple[Segment, ...]:
        """Where its lines come from: one segment, or more."""
        return self.segments or (Segment(1, self.first_line, self.file),)

    @property
    def files(self) -> list[str]:
        """The files that it comes from, the entry's first."""
        return list(dict.fromkeys([self.file, *(place.file for place in self.places)]))

    def line(self, number: int | None, file: str | None = None) -> str | None:
        """Return the text of the author's line ``number``, or None when it is not in the source.

        ``file`` None is the entry's.
        """
        if number is None:
            return None
        lines = _LINE_ENDS.split(self.source)
        found = source_line(self.places, file or self.file, number)
        return lines[found - 1].strip() if found is not None and found <= len(lines) else None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run did not complete.

    ``type`` is the exception's class name, or ``Timeout``, ``Killed``, ``Abandoned``.
    """

    type: str
    message: str
    line: int | None = None  # the author's line
    text: str | None = None  # the text of that line
    file: str | None = None
    trace: tuple[str, ...] = ()  # the author's frames, outermost first


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One line a run wrote."""

    level: Level
    message: str
    at: float  # epoch seconds, stamped in the child


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run ended."""

    status: Status
    result: Any = None  # a JSON value
    error: Failure | None = None
    logs: tuple[LogRecord, ...] = field(default=())
    duration: float = 0.0  # milliseconds, from hand-over to the end


@dataclass(frozen=True, slots=True)
class Wall:
    """One wall between job code and the machine, and whether it stands here."""

    name: str
    holds: bool
    stops: str  # what it keeps job code from doing
    note: str = ""  # why it does not hold, or what it was seen to refuse
