"""Keys that were typed faster than the screen follows are let through one at a time.

Textual hands a key to whatever has the focus at that moment, and does not wait for what the key
before it set going: a dialog that is about to open, a focus or a cursor about to move. In a burst,
``/xylo`` would open the search and still press the table's ``x``. So each key, paste and click
waits until the one before it has been handled whole.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from textual import events
from textual.app import App
from textual.message_pump import MessagePump
from textual.worker import Worker

HELD: Final = 2.0  # seconds; whatever is stuck, the keyboard never is for longer
IN_THE_BACKGROUND: Final = {"feed", "topic"}  # groups of workers that no key waits for
SWEEPS: Final = 8  # a screen that gets news all the time is never quite at rest
_WAITED_FOR: Final = (events.Key, events.Paste, events.MouseDown, events.MouseUp)


class InputGate:
    """Holds the input of an app; ``let_through`` is how the app handles an event at last."""

    def __init__(
        self, app: App[None], let_through: Callable[[events.Event], Awaitable[None]]
    ) -> None:
        self._app = app
        self._let_through = let_through
        self._held: deque[events.InputEvent] = deque()
        self._open = True

    def take(self, event: events.InputEvent) -> bool:
        """Hold the event until its turn comes; False where nothing has to be waited for."""
        if self._open and not isinstance(event, _WAITED_FOR):
            return False
        self._held.append(event)
        if self._open:
            self._open = False
            self._app.run_worker(self._let_all_through(), group="input")
        return True

    async def _let_all_through(self) -> None:
        try:
            while self._held:
                event = self._held.popleft()
                done = asyncio.Event()
                # In the app's own turn, as Textual would have handled it; it comes back behind it.
                self._app.call_later(self._handle, event, done)
                with suppress(TimeoutError):
                    async with asyncio.timeout(HELD):
                        await done.wait()
                        if isinstance(event, _WAITED_FOR):
                            await self._settled()
        finally:
            self._open = True

    async def _handle(self, event: events.InputEvent, done: asyncio.Event) -> None:
        try:
            await self._let_through(event)
        finally:
            done.set()

    async def _settled(self) -> None:
        """Return when everything that the last event set going has been handled.

        What it asked of the engine is a worker of the screen; so is looking up the commands of
        the palette.
        """
        await self._swept()
        while asking := self._asking():
            # Shielded: to cancel the wait would cancel the worker.
            waits = [asyncio.ensure_future(worker.wait()) for worker in asking]
            await asyncio.shield(asyncio.gather(*waits, return_exceptions=True))
            await self._swept()

    def _asking(self) -> list[Worker[Any]]:
        app = self._app
        return [
            worker
            for worker in app.workers
            if worker.node is app.screen
            and worker.group not in IN_THE_BACKGROUND
            and not worker.is_finished
        ]

    async def _swept(self) -> None:
        """Have every queue that may hold a consequence emptied, from the innermost outwards.

        Messages rise from a widget to the app, and each queue is handled in order: a message
        posted behind them comes back when they have been handled. What they cause anew may go
        to any widget, so this is repeated until nothing is found.
        """
        for sweep in range(SWEEPS):
            for pump in self._pumps():
                await _emptied(pump)
            if sweep and not any(pump.message_queue_size for pump in self._pumps()):
                return

    def _pumps(self) -> list[MessagePump]:
        app = self._app
        inner = app.focused or app.screen
        rising = inner.ancestors_with_self  # up to the app
        others: Iterable[MessagePump] = (
            *(node for node in app.screen.walk_children() if node.message_queue_size),
            *reversed(app.screen_stack),
        )
        return [*(pump for pump in others if pump not in rising), *rising]


async def _emptied(pump: MessagePump) -> None:
    for _ in range(SWEEPS):
        done = asyncio.Event()
        if not pump.is_running or not pump.call_later(done.set):
            return
        await done.wait()
        if not pump.message_queue_size:
            return
