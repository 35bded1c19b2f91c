"""The schedule of retention: when history beyond the workspace's bounds is dropped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta
from typing import Final

from luajobs_kit.engine.state import State
from luajobs_kit.errors import WorkspaceError

TRIM_EVERY: Final = 100  # finished executions, or a tenth of what is kept of a job
GROWTH: Final = 0.05  # of what history may take
LONGEST: Final = timedelta(hours=1)  # what grows older than it may is seen by then

_log = logging.getLogger(__name__)


class Retention:
    """Trims history when the engine starts, and whenever there may be something to trim.

    That is when it has grown by a part of its bound, when runs have finished, when settings
    have changed, and when an hour has passed.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._concluded = 0  # executions since the last trim
        self._trimmed_at = state.clock.now()
        self._is_due = asyncio.Event()
        self._ending = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the running loop, by trimming."""
        self._state.store.history.when_grown(self._growth, self.ask)
        self._task = asyncio.create_task(self._keep_trimming(), name="luajobs retention")

    async def stop(self) -> None:
        """End, once a trim under way is done."""
        self._ending = True
        self._is_due.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    def ask(self) -> None:
        """Have history trimmed soon: there may be more than there may."""
        self._is_due.set()

    def count(self) -> None:
        """Count one more finished execution."""
        self._concluded += 1
        most = min(TRIM_EVERY, max(1, self._state.settings.values.keep_executions // 10))
        if self._concluded >= most or self._state.clock.now() - self._trimmed_at >= LONGEST:
            self.ask()

    def _growth(self) -> float:
        return GROWTH * self._state.settings.values.keep_bytes

    async def _keep_trimming(self) -> None:
        while not self._ending:
            self._concluded, self._trimmed_at = 0, self._state.clock.now()
            try:
                await self._trim()
            except WorkspaceError:
                pass  # a full disk: the next trim tries again
            except Exception as problem:  # noqa: BLE001 - it is told, and the next one tries again
                _log.exception("history is not trimmed")
                self._state.store.definitions.report(
                    f"history is not trimmed, and may take more than keep_bytes: {problem!r}"
                )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LONGEST.total_seconds()):
                    await self._is_due.wait()
            self._is_due.clear()

    async def _trim(self) -> None:
        values = self._state.settings.values
        await self._state.store.history.trim(
            now=self._state.clock.now(),
            per_job=values.keep_executions,
            max_age=timedelta(days=values.keep_days) if values.keep_days else None,
            max_bytes=values.keep_bytes,
        )
