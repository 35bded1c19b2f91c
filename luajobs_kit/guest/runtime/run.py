"""The run of this process: its context, clock, event loop and log."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any

from luajobs_kit.guest.api.unkept_changes import CopyTracker
from luajobs_kit.guest.runtime.call_channel import Channel, Clock, MachineClock, VirtualClock
from luajobs_kit.guest.runtime.constants_at_top import ConstantsAtTop
from luajobs_kit.guest.runtime.loop import Future, Loop
from luajobs_kit.masking import Mask


class Run:
    """Everything of one run: made by ``world.prepare``, entered by ``world.bind``.

    Job code never holds it. ``simulated`` is the virtual time it lives in, None for the
    machine's.
    """

    def __init__(self, channel: Channel, simulated: dict[str, Any] | None) -> None:
        self.channel = channel
        self.context: dict[str, Any] = {}
        self.globals: dict[str, Any] = {}  # of job code
        self._simulated = simulated
        self.clock: Clock = MachineClock()
        if simulated:
            now = datetime.fromisoformat(simulated["now"])
            self.clock = VirtualClock(now, shared=simulated.get("shared", False))
        self.loop = Loop(channel, self.clock)
        self.datetime: type[datetime] = datetime  # the class job code knows by that name
        self.copies = CopyTracker()
        self.at_top: ConstantsAtTop | None = None  # once its source has been executed
        self.loggers: dict[str, Any] = {}  # by name; "root" is above all
        self.logging_disabled = 0  # the level up to which nothing is written
        self.unset_names: set[str] = set()  # of settings that were asked for and not there
        self._mask = Mask()
        self._unfinished_line = ""

    def enter(self, context: dict[str, Any]) -> None:
        """Take what only this run has."""
        self.context = context
        self._mask = Mask(context.get("secrets", ()))
        if self._simulated:
            random.seed(self._simulated.get("seed", 0))  # repeatable on purpose

    @cached_property
    def entropy(self) -> random.Random:
        """Where a simulation's secrets and UUIDs come from."""
        assert self._simulated is not None
        return random.Random(f"entropy {self._simulated.get('seed', 0)}")  # noqa: S311  # repeatable on purpose

    def call(self, verb: str, arguments: dict[str, Any] | None = None) -> Future:
        """Ask the host; the request leaves at once."""
        return self.loop.call(verb, arguments or {})

    def ask(self, verb: str, arguments: dict[str, Any] | None = None) -> Any:
        """Ask the host and wait for the answer; nothing else of the job runs meanwhile."""
        return self.loop.answer_to(self.call(verb, arguments))

    def masked(self, text: str) -> str:
        if type(text) is not str:  # A5: methods of a subclass would receive the secrets
            raise TypeError(f"text is written to the log, not {type(text).__name__}")
        return self._mask(text)

    def log(self, level: str, text: str) -> None:
        self.end_line()
        self.channel.log(level, self.masked(text))

    def write(self, text: str) -> None:
        """Take what ``print`` wrote; whole lines become log lines."""
        text = self._unfinished_line + text
        self._unfinished_line = ""
        if text.endswith("\n"):
            self.channel.log("info", self.masked(text[:-1]))
        else:
            self._unfinished_line = text

    def end_line(self) -> None:
        """Log what was printed without a line's end."""
        if self._unfinished_line:
            text, self._unfinished_line = self._unfinished_line, ""
            self.channel.log("info", self.masked(text))


_runs: list[Run] = []


def begin(channel: Channel, simulated: dict[str, Any] | None) -> Run:
    _runs[:] = [Run(channel, simulated)]
    return _runs[0]


def current() -> Run:
    return _runs[0]


def without_argument(entry: Callable[[], Any]) -> Callable[[Any], Any]:
    """Let an entry function that takes no parameters be called with the job."""

    def called(_job: Any) -> Any:
        return entry()

    _without_argument[:] = [(called, entry)]
    return called


def taking_no_argument(function: Any) -> Any:
    """Return the entry as its author wrote it, given what it is called by; others as they are."""
    return next((entry for called, entry in _without_argument if called is function), function)


_without_argument: list[tuple[Any, Any]] = []
