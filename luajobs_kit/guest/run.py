"""The one run this process is for: its context, its clock, its loop, its log."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from random import Random, SystemRandom
from typing import Any, Final

from luajobs_kit.guest.channel import Channel
from luajobs_kit.guest.clocks import Clock, MachineClock, VirtualClock
from luajobs_kit.guest.futures import Future
from luajobs_kit.guest.loop import Loop

MASK: Final = "•••"
SHORTEST_SECRET: Final = 3  # characters; masking shorter ones would only garble the log


class Run:
    """Everything of one run, made by ``world.bind``. Job code never holds it."""

    def __init__(self, context: dict[str, Any], channel: Channel) -> None:
        self.context = context
        self.channel = channel
        self._simulated: dict[str, Any] | None = context.get("clock")
        self.clock: Clock = MachineClock()
        if self._simulated:
            now = datetime.fromisoformat(self._simulated["now"])
            self.clock = VirtualClock(now, shared=self._simulated.get("shared", False))
        self.loop = Loop(channel, self.clock)
        self.datetime: type[datetime] = datetime  # the class job code knows by that name
        secrets = {value for value in context.get("secrets", ()) if len(value) >= SHORTEST_SECRET}
        self._secrets = sorted(secrets, key=len, reverse=True)
        self._unfinished_line = ""

    @cached_property
    def chance(self) -> Random:
        """Job code's everyday randomness."""
        if self._simulated:
            return Random(self._simulated.get("seed", 0))  # noqa: S311  # repeatable on purpose
        return Random()  # noqa: S311  # it says of itself that it is no secret

    @cached_property
    def entropy(self) -> Random:
        """Where secrets and UUIDs come from."""
        if self._simulated:
            return Random(f"entropy {self._simulated.get('seed', 0)}")  # noqa: S311  # likewise
        return SystemRandom()

    def call(self, verb: str, arguments: dict[str, Any] | None = None) -> Future:
        """Ask the host; the request leaves at once."""
        return self.loop.call(verb, arguments or {})

    def masked(self, text: str) -> str:
        if type(text) is not str:  # whose methods would be shown the secrets
            raise TypeError(f"text is written to the log, not {type(text).__name__}")
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

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


def begin(context: dict[str, Any], channel: Channel) -> Run:
    _runs[:] = [Run(context, channel)]
    return _runs[0]


def current() -> Run:
    return _runs[0]
