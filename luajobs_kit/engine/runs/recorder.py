"""The recorder of runs: their executions in the history, the lines about them in the log."""

from __future__ import annotations

from typing import Final

from luajobs_kit.engine.state import State
from luajobs_kit.errors import StorageFull
from luajobs_kit.model import Execution, Level, RunError
from luajobs_kit.sandbox import LogRecord
from luajobs_kit.sandbox.child.channel import MAX_LOG_MESSAGE
from luajobs_kit.store import FireState

FULL_DISK_PAUSE: Final = 5.0  # seconds


class Recorder:
    """Writes executions into the history and the lines about them into the log."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def record(self, execution: Execution, fire: FireState | None = None) -> None:
        """Keep the execution as it now is, as soon as the disk has room."""
        while True:
            try:
                await self._state.store.history.record(execution, fire)
            except StorageFull:
                # What happened must not be forgotten because the disk is full just now.
                await self._state.clock.sleep(FULL_DISK_PAUSE)
            else:
                return

    def remember(self, execution: Execution) -> None:
        """Take it for the job's last one, if none is newer."""
        newest = self._state.last.get(execution.job_id)
        if newest is None or newest.created_at <= execution.created_at:
            self._state.last[execution.job_id] = execution

    def log_output(self, execution: Execution, record: LogRecord) -> None:
        """Write a line that job code wrote, without the workspace's secrets."""
        message = self._state.settings.masked(record.message, MAX_LOG_MESSAGE)
        self.log(execution, message, level=record.level)

    def log_failure(self, execution: Execution, error: RunError) -> None:
        """Write how an attempt failed, with its line."""
        where = f" ({error.place}: {error.text})" if error.line else ""
        message = f"{error.type}: {error.message}{where}"
        self.log(execution, message, level="error", duration=execution.duration)

    def log(
        self,
        execution: Execution,
        message: str,
        *,
        level: Level,
        attempt: int | None = None,
        duration: float | None = None,
    ) -> None:
        """Write a line about the execution's newest attempt, or the one of that number."""
        self._state.log(
            message,
            level=level,
            job=(execution.job_id, execution.job_name),
            user_id=execution.user_id,
            execution_id=execution.id,
            attempt=len(execution.attempts) if attempt is None else attempt,
            duration=duration,
        )
