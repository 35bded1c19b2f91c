"""Connections that have not shown the token: few at a time, and none for long.

They would otherwise take the places of the workspace's owner: any user of the machine can open
as many as the server allows. Whose connection is new cannot be told before its first request, so
none is closed for others' sake in its first moments: the owner may open many at once, too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

CROWD: Final = 1_000  # at most, ever
MOST: Final = 100  # of those older than MOMENT
MOMENT: Final = 2.0  # seconds in which a client of ours shows the token, though it opened many
PATIENCE: Final = 15.0  # seconds, at most


class UnauthenticatedLimit:
    """Counts the connections without the token. ``known`` says whether a far end has shown it."""

    def __init__(self, known: Callable[[object], bool]) -> None:
        self._known = known
        self._met: dict[H11Protocol, float] = {}  # and when (monotonic), the first first

    def protocol(self) -> type[H11Protocol]:
        """Return uvicorn's protocol for HTTP, whose connections are met here."""
        meet = self._meet

        class Met(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                meet(self)

        return Met

    def see_off(self) -> None:
        """Close those that have not shown the token in time. To be called every second or so."""
        self._forget()
        now = time.monotonic()
        left = len(self._met)
        for stranger, met in self._met.items():
            may_stay = PATIENCE if left <= MOST else MOMENT if left <= CROWD else 0.0  # seconds
            if now - met < may_stay:
                return  # so may all that came later
            _abort(stranger)
            left -= 1

    def _meet(self, stranger: H11Protocol) -> None:
        self._met[stranger] = time.monotonic()
        if len(self._met) > MOST:
            self.see_off()

    def _forget(self) -> None:
        """Forget those that have shown the token, or have left."""
        self._met = {
            one: met
            for one, met in self._met.items()
            if not self._known(one.client) and not one.transport.is_closing()
        }


def _abort(stranger: Any) -> None:
    stranger.transport.abort()
