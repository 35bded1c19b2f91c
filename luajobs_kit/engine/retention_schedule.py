"""The schedule of retention: when history beyond the workspace's bounds is dropped."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import Final

from luajobs_kit.engine.state import State
from luajobs_kit.errors import WorkspaceError

TRIM_EVERY: Final = 100  # finished executions


class Retention:
    """Trims history when the engine starts, and again after every ``TRIM_EVERY`` executions."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._concluded = 0  # executions
        self._is_due = asyncio.Event()
        self._ending = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the running loop, by trimming."""
        self._task = asyncio.create_task(self._trim(), name="luajobs retention")

    async def stop(self) -> None:
        """End, once a trim under way is done."""
        self._ending = True
        self._is_due.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    def count(self) -> None:
        """Count one more finished execution."""
        self._concluded += 1
        if self._concluded % TRIM_EVERY == 0:
            self._is_due.set()

    async def _trim(self) -> None:
        while not self._ending:
            values = self._state.settings.values
            with contextlib.suppress(WorkspaceError):  # a full disk: the next trim tries again
                await self._state.store.history.trim(
                    now=self._state.clock.now(),
                    per_job=values.keep_executions,
                    max_age=timedelta(days=values.keep_days) if values.keep_days else None,
                    max_bytes=values.keep_bytes,
                )
            await self._is_due.wait()
            self._is_due.clear()
