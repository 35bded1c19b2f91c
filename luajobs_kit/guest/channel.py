"""What a world needs of the child it lives in: calls out, replies in, log lines."""

from __future__ import annotations

from typing import Any, Protocol

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
