"""Output of a tool call: the lines it prints and logs while it runs, collected for each call.

Calls run side by side in one process. A context variable says which call a line belongs to.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TextIO, cast

from luajobs_kit.log_text import log_text
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
            text = log_text(record.msg, record.args)
            output.add(level_of(record.levelno), _with_problem(text, record.exc_info))


def level_of(number: int) -> Level:
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


def log(level: Level, args: tuple[Any, ...], given: Mapping[str, Any]) -> None:
    """Log a line of the tool call that is running; without one it goes to ``logging``.

    ``args`` and ``given`` are what a ``Logger`` takes; other keywords are fields, as ``extra``'s.
    """
    message, *rest = args or (given.get("msg", ""),)
    fields = {name: value for name, value in given.items() if name not in _OF_CALLS}
    extra = given.get("extra")
    text = log_text(message, tuple(rest), {**(extra if isinstance(extra, dict) else {}), **fields})
    text = _with_problem(text, given.get("exc_info"))
    output = _running.get()
    if output is None:
        logging.getLogger("luajobs_kit.tools").log(_NUMBERS[level], "%s", text)
    else:
        output.add(level, text)


def _with_problem(text: str, exc_info: Any) -> str:
    """Return the text with the traceback of the exception it tells of, where it tells of one."""
    if isinstance(exc_info, tuple) and len(exc_info) == 3:
        exc_info = exc_info[1]
    problem = exc_info if isinstance(exc_info, BaseException) else None
    if problem is None and exc_info:
        problem = sys.exception()
    if problem is None:
        return text
    told = "".join(traceback.format_exception(problem)).rstrip()
    return f"{text}\n{told}"


_OF_CALLS = {"msg", "exc_info", "extra", "stack_info", "stacklevel"}


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
