"""Dropping the oldest history beyond the workspace's bounds, while the engine runs."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import Final

from luajobs_kit.engine.state import State
from luajobs_kit.errors import WorkspaceError

TRIM_EVERY: Final = 100  # finished executions between two looks at what may be dropped


class Retention:
    """Trims at the start, and again after every so many runs."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._concluded = 0  # executions
        self._grown = asyncio.Event()  # so many that history may be beyond its bounds
        self._ending = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the running loop."""
        self._task = asyncio.create_task(self._trim(), name="luajobs retention")

    async def stop(self) -> None:
        """End, when a step under way is done."""
        self._ending = True
        self._grown.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    def count(self) -> None:
        """Take note that an execution finished."""
        self._concluded += 1
        if self._concluded % TRIM_EVERY == 0:
            self._grown.set()

    async def _trim(self) -> None:
        while not self._ending:
            values = self._state.settings.values
            with contextlib.suppress(WorkspaceError):  # a full disk: the next time, then
                await self._state.store.history.trim(
                    now=self._state.clock.now(),
                    per_job=values.keep_executions,
                    max_age=timedelta(days=values.keep_days) if values.keep_days else None,
                    max_bytes=values.keep_bytes,
                )
            await self._grown.wait()
            self._grown.clear()
