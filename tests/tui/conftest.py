"""The monitor over a real engine in memory; whoever waits, waits for what is on the screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from luajobs_kit.bundle import capture
from luajobs_kit.engine import Engine
from luajobs_kit.model import Job, JobSpec
from luajobs_kit.timing import every
from luajobs_tui.app import MonitorApp

GREET = "async def greet(job):\n    job.log.info('hello there')\n    return 1\n"


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with await Engine.open(None) as opened:
        yield opened


class Tui:
    """What the tests do with a monitor."""

    @staticmethod
    async def make(port: Engine, name: str, source: str = GREET, **spec: Any) -> Job:
        spec.setdefault("schedule", every(hours=1))
        bundle = capture(source, file=f"{name}.py")
        return await port.create_job(JobSpec(name=name, bundle=bundle, **spec))

    @staticmethod
    def monitor(port: Engine) -> MonitorApp:
        return MonitorApp(port, workspace_label="/tmp/work/.luajobs")

    @staticmethod
    def screen(app: MonitorApp) -> str:
        """What a reader sees, as text."""
        return "\n".join(
            "".join(segment.text for segment in strip)
            for strip in app.screen._compositor.render_strips()
        )

    @staticmethod
    async def until(pilot: Pilot[Any], holds: Callable[[], object], within: float = 20) -> None:
        """Let the app go on until this holds."""
        try:
            async with asyncio.timeout(within):
                while not holds():  # noqa: ASYNC110 - the screen has no event; the app runs in between
                    await pilot.pause()
        except TimeoutError:
            raise AssertionError(
                f"not seen within {within} s on:\n{Tui.screen(pilot.app)}"
            ) from None

    @staticmethod
    async def sees(pilot: Pilot[Any], *words: str) -> None:
        """Let the app go on until all these words are on the screen."""
        await Tui.until(pilot, lambda: all(word in Tui.screen(pilot.app) for word in words))

    @staticmethod
    async def sees_no(pilot: Pilot[Any], word: str) -> None:
        """Let the app go on until the word is gone from the screen."""
        await Tui.until(pilot, lambda: word not in Tui.screen(pilot.app))


@pytest.fixture
def tui() -> type[Tui]:
    return Tui
