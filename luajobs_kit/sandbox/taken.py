"""A child as the engine holds it: a spare at first, then one run's, until it has ended."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from luajobs_kit.sandbox.values import Limits

if TYPE_CHECKING:
    from luajobs_kit.sandbox.host.fork_server_client import Link

STOP_PATIENCE: Final = 5.0  # seconds a fork server may take to kill, reap and leave
LEAVING_PATIENCE: Final = 0.05  # seconds a child may take to end after its last word


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended, as the fork server saw it."""

    how: str  # "exit", "signal", or "abandoned" when the fork server itself went
    number: int = 0  # exit status or signal
    why: str | None = None  # "timeout" or "end" when it was killed on purpose


class Taken:
    """A child of the fork server, locked down: a spare, then one run's until it ends."""

    def __init__(self, number: int, connection: socket.socket, link: Link) -> None:
        self.number = number
        self.connection = connection
        self.gone: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.limited: asyncio.Future[None] | None = None  # done when its memory is lowered
        self._limits: Limits | None = None  # what the fork server has yet to be told
        self._link = link
        self._watch: asyncio.TimerHandle | None = None

    def has_hung_up(self) -> bool:
        """Whether nobody is at the other end any more."""
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def take(self, limits: Limits) -> None:
        self._limits = limits

    def start(self, frame: bytes) -> bytes:
        """Send ``frame`` and have its time kept; return what the socket does not take yet.

        In this order, for each wakes a process, and it is the child that is waited for.
        """
        try:
            rest = frame[self.connection.send(frame) :]
        except OSError:  # it is full, or its child is gone, which the reader hears too
            rest = frame
        self.tell_limits()
        return rest

    def tell_limits(self) -> None:
        """Tell the fork server, once, what the run may use: its time begins."""
        if self._limits is None:
            return
        limits, self._limits = self._limits, None
        self._link.tell_taken(self.number, limits)
        self.expect_end(limits.timeout)

    def expect_end(self, seconds: float) -> None:
        """Give the fork server up if it has not reported this child's end by then.

        The server keeps time; this is for a server that is stopped or stuck itself.
        """
        if self._watch is not None:
            self._watch.cancel()
        patience = seconds + STOP_PATIENCE
        self._watch = asyncio.get_running_loop().call_later(patience, self._link.lose)

    def end(self) -> None:
        """Have it killed, if it still runs."""
        if not self.gone.done():
            self.expect_end(0)
            self._link.tell(f"end {self.number}")

    def end_soon(self) -> None:
        """Have it killed unless it leaves by itself, as one does that has said its last word."""
        if not self.gone.done():
            if self._watch is not None:
                self._watch.cancel()
            self._watch = asyncio.get_running_loop().call_later(LEAVING_PATIENCE, self.end)

    def note_end(self, how: Exit) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if not self.gone.done():
            self.gone.set_result(how)
