"""The queue in which a panel's callbacks leave their work, and the report of what went wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from luajobs_kit.errors import LuaJobsError
from luajobs_kit.widgets.anywidgets import StatusLine
from luajobs_kit.widgets.panel_feed import PanelFeed


class Callbacks:
    """Runs the work of callbacks on the feed's thread, one event loop for everything.

    A callback comes on any thread or subshell, and an exception in one is shown nowhere. So it
    only hands in its work here, and the panel's own status line says what was raised.
    """

    def __init__(self, feed: PanelFeed, status: StatusLine) -> None:
        self.feed = feed
        self._status = status

    def say(self, text: str, tone: str = "plain") -> None:
        self._status.say(text, tone)

    def act(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do the work on the feed's thread; returns at once and never raises."""
        doing = self._guarded(work)
        try:
            self.feed.post(doing)
        except RuntimeError:  # the loop is closed
            doing.close()
            self.say("This panel was closed. Run its cell again.", "bad")

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except Exception as problem:  # noqa: BLE001 - whatever it is, its place is the panel
            self.say(in_words(problem), "bad")


def in_words(problem: BaseException) -> str:
    """Return an exception in words for the panel."""
    if isinstance(problem, LuaJobsError):
        return f"✗ {problem.message}"
    return f"✗ {type(problem).__name__}: {problem}"
