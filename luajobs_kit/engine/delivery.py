"""The delivery of messages to channels, after they were put into the inbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from luajobs_kit.engine.state import State
from luajobs_kit.model import LogLine, LogSource, Message
from luajobs_kit.platform import MessageChannel

MOST_WAITING: Final = 10_000  # messages; while so many wait, a new one goes to the inbox only


class Deliveries:
    """A queue of messages, each delivered to every channel in turn; no sender waits for it."""

    def __init__(self, state: State, channels: Sequence[MessageChannel]) -> None:
        self._state = state
        self._channels = channels
        self._waiting: asyncio.Queue[Message | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._deliver_all(), name="luajobs deliveries")

    def enqueue(self, message: Message) -> None:
        """Have the message delivered soon; a full queue is reported in the log."""
        if self._waiting.qsize() < MOST_WAITING:
            self._waiting.put_nowait(message)
        else:
            names = ", ".join(channel.name for channel in self._channels)
            self._log_failure(names, message, f"{MOST_WAITING} earlier ones wait")

    async def end(self, patience: float) -> None:
        """Wait ``patience`` seconds for the last messages to be delivered, then end."""
        self._waiting.put_nowait(None)
        await asyncio.wait([self._task], timeout=patience)
        self._task.cancel()  # a channel may never return
        await asyncio.wait([self._task])

    async def _deliver_all(self) -> None:
        while (message := await self._waiting.get()) is not None:
            user = self._state.store.definitions.user(message.user_id)
            if user is None:  # removed meanwhile
                continue
            for channel in self._channels:
                try:
                    await channel.deliver(message, user)
                except Exception as problem:  # noqa: BLE001 - a channel may raise anything
                    self._log_failure(channel.name, message, repr(problem))

    def _log_failure(self, channel: str, message: Message, problem: str) -> None:
        line = LogLine(
            timestamp=self._state.clock.now(),
            sub_type="error",
            message=f"{channel} did not take message {message.id}: {problem}",
            metadata=LogSource(
                log_source="channel",
                primitive_name=message.job_name,
                primitive_id=message.job_id,
                channel=channel,
                user_id=message.user_id,
                execution_id=message.execution_id,
            ),
        )
        self._state.write_log(line)
