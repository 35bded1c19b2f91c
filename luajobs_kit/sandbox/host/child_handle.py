"""The engine's handle of one child: its socket, its limits, its end.

The fork server made the child, keeps its time and reaps it; the engine speaks to it over a
socket of the child's own. A child of the fork server is a spare first, then one run's until it
ends.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import Final, Protocol

from luajobs_kit.sandbox.values import Limits

EXIT_PATIENCE: Final = 5.0  # seconds after its time limit, for a child's exit to be reported
LEAVING_PATIENCE: Final = 0.05  # seconds a child may take to end after its final frame


class ServerControl(Protocol):
    """The part of the fork server's client that the handle of a child needs."""

    def send_take(self, number: int, limits: Limits) -> None:
        """Report that a run uses the child, within ``limits``: its time begins."""

    def send_line(self, line: str) -> None:
        """Send one control line."""

    def abandon(self) -> None:
        """Give the fork server up, and with it every child."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended, as the fork server saw it."""

    how: str  # "exit", "signal", or "abandoned" when the fork server itself went
    number: int = 0  # exit status or signal
    why: str | None = None  # "timeout" or "end" when it was killed on purpose


class ChildHandle:
    """One child, behind its walls. ``exited`` is done when the fork server reported its end."""

    def __init__(self, number: int, connection: socket.socket, server: ServerControl) -> None:
        self.number = number
        self.connection = connection
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.limited: asyncio.Future[None] | None = None  # done when its memory is lowered
        self._limits: Limits | None = None  # not yet sent to the fork server
        self._server = server
        self._watch: asyncio.TimerHandle | None = None

    def is_disconnected(self) -> bool:
        """Whether the child has closed its end of the socket, as its death does."""
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def take(self, limits: Limits) -> None:
        """Set what the run may use; ``send_limits`` passes it to the fork server."""
        self._limits = limits

    def start(self, frame: bytes) -> bytes:
        """Send ``frame``, then start the run's time; return what the socket does not take yet.

        Each of the two wakes a process, and the run waits for the child: it comes first.
        """
        try:
            rest = frame[self.connection.send(frame) :]
        except OSError:  # it is full, or the child has exited, which the reader sees too
            rest = frame
        self.send_limits()
        return rest

    def send_limits(self) -> None:
        """Send the fork server what the run may use, once: its time begins."""
        if self._limits is None:
            return
        limits, self._limits = self._limits, None
        self._server.send_take(self.number, limits)
        self.watch_for_exit(limits.timeout)

    def watch_for_exit(self, seconds: float) -> None:
        """Give the fork server up if it has not reported this child's exit in time.

        The server enforces the time limit; this is for a server that hangs itself.
        """
        if self._watch is not None:
            self._watch.cancel()
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(seconds + EXIT_PATIENCE, self._server.abandon)

    def kill(self) -> None:
        """Have the fork server kill it, if it still runs."""
        if not self.exited.done():
            self.watch_for_exit(0)
            self._server.send_line(f"end {self.number}")

    def kill_unless_it_exits(self) -> None:
        """Kill it unless it exits by itself soon, as a child does after its final frame."""
        if not self.exited.done():
            if self._watch is not None:
                self._watch.cancel()
            self._watch = asyncio.get_running_loop().call_later(LEAVING_PATIENCE, self.kill)

    def record_exit(self, exit_: Exit) -> None:
        """Complete ``exited``; later reports change nothing."""
        if self._watch is not None:
            self._watch.cancel()
        if not self.exited.done():
            self.exited.set_result(exit_)
