"""A gate that lets keys, typed faster than the screen follows, through one at a time.

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
from textual.app import App, ScreenStackError
from textual.message_pump import MessagePump
from textual.worker import Worker

ANSWERED: Final = 5.0  # seconds; an engine that does not answer does not hold the keyboard longer
LOOK: Final = 0.5  # seconds after which it is looked whether a widget is there still
IN_THE_BACKGROUND: Final = {"feed", "topic", "preview"}  # groups of workers that no key waits for
SWEEPS: Final = 8  # a screen that gets news all the time is never quite at rest
_WAITED_FOR: Final = (events.Key, events.Paste, events.MouseDown, events.MouseUp)


class InputGate:
    """Holds the input of an app; ``let_through`` is how the app handles an event at last."""

    def __init__(
        self, app: App[None], let_through: Callable[[events.Event], Awaitable[None]]
    ) -> None:
        self._app = app
        self._let_through = let_through
        self._held: deque[events.Event] = deque()
        self._open = True

    def take(self, event: events.Event) -> bool:
        """Hold an event of the keyboard or the mouse until its turn comes.

        False for another, and where nothing has to be waited for. What was handed on to a widget
        already has been through; it rises back to the app.
        """
        if event.is_forwarded or not isinstance(event, (events.InputEvent, events.Paste)):
            return False
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
                if self._app.call_later(self._handle, event, done):
                    await _gone_by(self._app, done)
                if isinstance(event, _WAITED_FOR):
                    await self._settled()
        except ScreenStackError:  # the reader has quit: what was typed behind it is for nobody
            self._held.clear()
        finally:
            self._open = True

    async def _handle(self, event: events.Event, done: asyncio.Event) -> None:
        try:
            if self._app.screen_stack:
                await self._let_through(event)
        except ScreenStackError:
            self._held.clear()
        finally:
            done.set()

    async def _settled(self) -> None:
        """Return when everything that the last event set going has been handled.

        What it asked of the engine is a worker of the screen; so is looking up the commands of
        the palette.
        """
        await self._swept()
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWERED):
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
        """Flush every queue that may hold a consequence, from the innermost outwards.

        Messages rise from a widget to the app, and each queue is handled in order: a message
        posted behind them comes back when they have been handled. What they cause anew may go
        to any widget, so this is repeated until nothing is found.
        """
        for sweep in range(SWEEPS):
            for pump in self._pumps():
                await _flushed(pump)
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


async def _flushed(pump: MessagePump) -> None:
    """Wait until the pump has handled what is in its queue now; what it adds is the next sweep's.

    Waiting for an empty queue instead would make every key slow while news keeps filling it.
    """
    done = asyncio.Event()
    if pump.is_running and pump.call_later(done.set):
        await _gone_by(pump, done)


async def _gone_by(pump: MessagePump, done: asyncio.Event) -> None:
    """Wait until the message is back, or the widget gone that was to send it."""
    while not done.is_set() and pump.is_running:
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), LOOK)
