"""Output of a tool call: the lines it prints and logs while it runs, collected for each call.

Calls run side by side in one process. A context variable says which call a line belongs to.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TextIO, cast

from luajobs_kit.model import Level


@dataclass(slots=True)
class ToolOutput:
    """The lines of one call, in order."""

    now: Callable[[], datetime]
    lines: list[tuple[datetime, Level, str]] = field(default_factory=list)
    _rest: str = ""

    def write(self, text: str) -> None:
        """Add printed text, each full line as a log line; the rest waits for its line to end."""
        *full, self._rest = (self._rest + text).split("\n")
        for line in full:
            self.add("info", line)

    def add(self, level: Level, message: str) -> None:
        self.lines.append((self.now(), level, message))

    def finish(self) -> list[tuple[datetime, Level, str]]:
        """Return every line, a last one without an end included."""
        if self._rest:
            self.add("info", self._rest)
            self._rest = ""
        return self.lines


_running: ContextVar[ToolOutput | None] = ContextVar("luajobs_tool_output", default=None)


class _StdoutCopy:
    """Standard output that also copies what is written to the output of the running call."""

    def __init__(self, real: TextIO) -> None:
        self._real = real

    def write(self, text: str) -> int:
        output = _running.get()
        if output is not None:
            output.write(text)
        return self._real.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Handler(logging.Handler):
    """Copies records of ``logging`` to the output of the running call."""

    def emit(self, record: logging.LogRecord) -> None:
        output = _running.get()
        if output is not None:
            output.add(_level(record.levelno), record.getMessage())


def _level(number: int) -> Level:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    return "info" if number >= logging.INFO else "debug"


_lock = threading.Lock()
_captures = 0
_handler = _Handler()


@contextmanager
def capture(now: Callable[[], datetime]) -> Iterator[ToolOutput]:
    """Collect what is printed and logged by the task inside the block; all of it still shows."""
    output = ToolOutput(now)
    token = _running.set(output)
    _attach()
    try:
        yield output
    finally:
        _detach()
        _running.reset(token)


def log(level: Level, message: str) -> None:
    """Log a line of the tool call that is running; without one it goes to ``logging``."""
    output = _running.get()
    if output is None:
        logging.getLogger("luajobs_kit.tools").log(_NUMBERS[level], message)
    else:
        output.add(level, message)


_NUMBERS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}


def _attach() -> None:
    global _captures  # noqa: PLW0603 - standard output is one for the whole process
    with _lock:
        _captures += 1
        if _captures == 1:
            logging.getLogger().addHandler(_handler)
        if not isinstance(sys.stdout, _StdoutCopy):
            sys.stdout = cast("TextIO", _StdoutCopy(sys.stdout))


def _detach() -> None:
    global _captures  # noqa: PLW0603 - standard output is one for the whole process
    with _lock:
        _captures -= 1
        if _captures == 0:
            logging.getLogger().removeHandler(_handler)
            if isinstance(sys.stdout, _StdoutCopy):
                sys.stdout = sys.stdout._real  # noqa: SLF001 - one module, two halves
