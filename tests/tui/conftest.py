"""The monitor over a real engine in memory; whoever waits, waits for what is on the screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from textual import events
from textual.app import App
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from luajobs_kit.bundle import capture
from luajobs_kit.engine import Engine
from luajobs_kit.model import Job, JobSpec
from luajobs_kit.port import Port
from luajobs_kit.timing import every
from luajobs_tui.app import MonitorApp
from luajobs_tui.screens.create import CreateJob

GREET = "async def greet(job):\n    job.log.info('hello there')\n    return 1\n"


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with await Engine.open(None) as opened:
        yield opened


class Watched(MonitorApp):
    """The monitor; tells whoever waits that the screen was written."""

    def __init__(self, port: Port) -> None:
        super().__init__(port, workspace_label="/tmp/work/.luajobs")
        self.written = asyncio.Event()
        self.left = asyncio.Event()  # its reader has quit

    def exit(self, *arguments: Any, **options: Any) -> None:
        self.left.set()
        super().exit(*arguments, **options)

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)
        self.written.set()


class Tui:
    """What the tests do with a monitor."""

    @staticmethod
    async def make(port: Port, name: str, source: str = GREET, **spec: Any) -> Job:
        spec.setdefault("schedule", every(hours=1))
        bundle = capture(source, file=f"{name}.py")
        return await port.create_job(JobSpec(name=name, bundle=bundle, **spec))

    @staticmethod
    def monitor(port: Port) -> Watched:
        return Watched(port)

    @staticmethod
    def screen(app: App[Any]) -> str:
        """What a reader sees, as text."""
        strips = app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    @staticmethod
    async def until(pilot: Pilot[Any], holds: Callable[[], object], within: float = 90) -> None:
        """Let the app go on until this holds; looked at whenever the screen was written."""
        app = pilot.app
        assert isinstance(app, Watched)
        try:
            async with asyncio.timeout(within):
                while not holds():
                    app.written.clear()
                    await app.written.wait()
        except TimeoutError:
            seen = Tui.screen(app)
            raise AssertionError(f"not seen within {within} s on:\n{seen}") from None

    @staticmethod
    async def sees(pilot: Pilot[Any], *words: str) -> None:
        """Let the app go on until all these words are on the screen."""

        def seen() -> bool:
            screen = Tui.screen(pilot.app)
            return all(word in screen for word in words)

        await Tui.until(pilot, seen)

    @staticmethod
    async def sees_no(pilot: Pilot[Any], word: str) -> None:
        """Let the app go on until the word is gone from the screen."""
        await Tui.until(pilot, lambda: word not in Tui.screen(pilot.app))

    @staticmethod
    def bursts(app: App[Any], *keys: str) -> None:
        """Type these keys without waiting for anything in between, as a terminal hands them on."""
        for key in keys:
            name = _character_to_key(key) if len(key) == 1 else key
            app.post_message(events.Key(name, key if len(key) == 1 else None))

    @staticmethod
    def typed(app: App[Any], field: str) -> str:
        """Return what stands in a field of the form; nothing while the form is not there yet."""
        found = app.screen.query(field) if isinstance(app.screen, CreateJob) else ()
        return "".join(
            each.text if isinstance(each, TextArea) else each.value
            for each in found
            if isinstance(each, (Input, TextArea))
        )

    @staticmethod
    async def types(pilot: Pilot[Any], text: str) -> None:
        """Paste text into the field that has the keys, as soon as one has."""
        await Tui.until(pilot, lambda: isinstance(pilot.app.focused, Input))
        pilot.app.post_message(events.Paste(text))


@pytest.fixture
def tui() -> type[Tui]:
    return Tui
