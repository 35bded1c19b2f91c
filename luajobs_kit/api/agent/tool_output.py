"""What a tool prints and logs while it runs, kept apart for each call."""

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
class Said:
    """The lines of one call, in order."""

    now: Callable[[], datetime]
    lines: list[tuple[datetime, Level, str]] = field(default_factory=list)
    _rest: str = ""

    def write(self, text: str) -> None:
        """Take printed text; each full line is one."""
        *full, self._rest = (self._rest + text).split("\n")
        for line in full:
            self.say("info", line)

    def say(self, level: Level, message: str) -> None:
        self.lines.append((self.now(), level, message))

    def finish(self) -> list[tuple[datetime, Level, str]]:
        """Return every line, a last one without an end included."""
        if self._rest:
            self.say("info", self._rest)
            self._rest = ""
        return self.lines


_listening: ContextVar[Said | None] = ContextVar("luajobs_tool_said", default=None)


class _Ear:
    """Standard output that also tells the call it is written from, if any."""

    def __init__(self, real: TextIO) -> None:
        self._real = real

    def write(self, text: str) -> int:
        said = _listening.get()
        if said is not None:
            said.write(text)
        return self._real.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Handler(logging.Handler):
    """Takes the records of ``logging`` that the running call makes."""

    def emit(self, record: logging.LogRecord) -> None:
        said = _listening.get()
        if said is not None:
            said.say(_level(record.levelno), record.getMessage())


def _level(number: int) -> Level:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    return "info" if number >= logging.INFO else "debug"


_lock = threading.Lock()
_listeners = 0
_handler = _Handler()


@contextmanager
def listening(now: Callable[[], datetime]) -> Iterator[Said]:
    """Collect what is printed and logged by the task inside the block; all of it still shows."""
    said = Said(now)
    token = _listening.set(said)
    _attach()
    try:
        yield said
    finally:
        _detach()
        _listening.reset(token)


def say(level: Level, message: str) -> None:
    """Log a line of the tool call that is running; without one it goes to ``logging``."""
    said = _listening.get()
    if said is None:
        logging.getLogger("luajobs_kit.tools").log(_NUMBERS[level], message)
    else:
        said.say(level, message)


_NUMBERS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}


def _attach() -> None:
    global _listeners  # noqa: PLW0603 - standard output is one for the whole process
    with _lock:
        _listeners += 1
        if _listeners == 1:
            logging.getLogger().addHandler(_handler)
        if not isinstance(sys.stdout, _Ear):
            sys.stdout = cast("TextIO", _Ear(sys.stdout))


def _detach() -> None:
    global _listeners  # noqa: PLW0603 - standard output is one for the whole process
    with _lock:
        _listeners -= 1
        if _listeners == 0:
            logging.getLogger().removeHandler(_handler)
            if isinstance(sys.stdout, _Ear):
                sys.stdout = sys.stdout._real  # noqa: SLF001 - one module, two halves
