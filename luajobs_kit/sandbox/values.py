"""What goes into the sandbox and what comes out: plain, frozen values."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from luajobs_kit.errors import InvalidInput

Level = Literal["debug", "info", "warn", "error"]
Status = Literal["completed", "failed", "timeout", "killed", "abandoned"]

_LINE_ENDS: Final = re.compile(r"\r\n?|\n")  # Python's; str.splitlines knows more of them
SMALLEST_MEMORY = 64 * 2**20  # bytes; below this the interpreter itself cannot work


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use at most.

    Raises ``InvalidInput`` for a limit no run could live with.
    """

    timeout: float = 300.0  # seconds of real time, from hand-over to result
    memory: int = 512 * 2**20  # bytes of address space, the interpreter's own 30 MB included
    cpu: float | None = None  # seconds of processor time; None: more than ``timeout`` allows

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
        # The kernel counts whole seconds, and what a child used before it was given its run
        # as well: the time limit is to come first.
        return self.timeout + 1 if self.cpu is None else self.cpu


@dataclass(frozen=True, slots=True)
class Program:
    """Source with one function to call. Line numbers shown are the author's own."""

    source: str
    entry: str
    first_line: int = 1  # where ``source`` begins in the author's file or cell
    file: str = "<source>"  # what tracebacks call it

    @property
    def key(self) -> str:
        """The hash under which its compiled code is cached."""
        parts = (self.source, self.entry, str(self.first_line), self.file)
        text = "\0".join(f"{len(part)}:{part}" for part in parts)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def line(self, number: int | None) -> str | None:
        """Return the text of the author's line ``number``, or None when it is not in here."""
        lines = _LINE_ENDS.split(self.source)
        index = -1 if number is None else number - self.first_line
        return lines[index].strip() if 0 <= index < len(lines) else None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run did not complete.

    ``type`` is the exception's class name, or ``Timeout``, ``Killed``, ``Abandoned``.
    """

    type: str
    message: str
    line: int | None = None  # the author's line
    text: str | None = None  # what stands on that line
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
