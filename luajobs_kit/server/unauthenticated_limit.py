"""Connections that have not shown the token: few at a time, and none for long.

They would otherwise take the places of the workspace's owner: any user of the machine can open
as many as the server allows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST: Final = 100  # a client of ours shows the token at once; who is asked to leave may come again
PATIENCE: Final = 15.0  # seconds


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
        late = time.monotonic() - PATIENCE
        for stranger, met in self._met.items():
            if met < late:
                _abort(stranger)

    def _meet(self, stranger: H11Protocol) -> None:
        self._met[stranger] = time.monotonic()
        if len(self._met) > MOST:
            self._forget()
        if len(self._met) > MOST:
            _abort(next(iter(self._met)))

    def _forget(self) -> None:
        """Forget those that have shown the token, or have left."""
        self._met = {
            one: met
            for one, met in self._met.items()
            if not self._known(one.client) and not one.transport.is_closing()
        }


def _abort(stranger: Any) -> None:
    stranger.transport.abort()
