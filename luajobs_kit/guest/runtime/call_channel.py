"""Interfaces between a run and its host: the call channel and the clock.

The clock is the machine's, or a simulation's virtual one, which sleeping moves on.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Protocol


class Clock(Protocol):
    """Two readings of one clock, and whether waiting takes real time."""

    virtual: bool

    def now(self) -> float:
        """Seconds since 1970."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


class MachineClock:
    virtual = False

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class VirtualClock:
    """Stands still while code runs; ``advance_to`` moves it.

    One that is ``shared`` with a simulation's other runs asks before it moves.
    """

    virtual = True

    def __init__(self, start: datetime, *, shared: bool = False) -> None:
        self.shared = shared
        self._start = start.astimezone(UTC).timestamp()
        self._elapsed = 0.0

    def now(self) -> float:
        return self._start + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed

    def advance_to(self, moment: float) -> None:
        """Move to the ``monotonic`` reading ``moment``; never back."""
        self._elapsed = max(self._elapsed, moment)


Reply = tuple[int, Any, dict[str, Any] | None]


class Channel(Protocol):
    """The child's end of its one socket. Job code never sees it."""

    def send_call(self, verb: str, arguments: dict[str, Any]) -> int:
        """Send a call at once; return the id its reply will carry.

        Raises ``TypeError`` or ``ValueError``, naming the argument, for what is no JSON.
        """

    def wait(self, deadline: float | None = None) -> Reply | None:
        """Return the next reply: id, value, error (None, or code, message and details).

        Returns None when ``deadline`` (seconds, monotonic) passes first.
        """

    def log(self, level: str, message: str) -> None:
        """Write one line (``debug``, ``info``, ``warn`` or ``error``)."""
