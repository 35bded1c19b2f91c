"""Handing messages to channels, after the inbox has them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from luajobs_kit.engine.state import State
from luajobs_kit.model import LogLine, LogSource, LogWritten, Message
from luajobs_kit.platform import Channel

MOST_WAITING: Final = 10_000  # messages; what comes while so many wait is in the inbox only


class Deliveries:
    """Hands each message to every channel, one after another; who sends one waits for none."""

    def __init__(self, state: State, channels: Sequence[Channel]) -> None:
        self._state = state
        self._channels = channels
        self._waiting: asyncio.Queue[Message | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._deliver_all(), name="luajobs deliveries")

    def take(self, message: Message) -> None:
        """Have the message delivered soon."""
        if self._waiting.qsize() < MOST_WAITING:
            self._waiting.put_nowait(message)
        else:
            names = ", ".join(channel.name for channel in self._channels)
            self._complain(names, message, f"{MOST_WAITING} earlier ones wait")

    async def end(self, patience: float) -> None:
        """Give the last messages ``patience`` seconds, then end."""
        self._waiting.put_nowait(None)
        await asyncio.wait([self._task], timeout=patience)
        self._task.cancel()  # a channel is anybody's code, and may never return
        await asyncio.wait([self._task])

    async def _deliver_all(self) -> None:
        while (message := await self._waiting.get()) is not None:
            user = self._state.store.definitions.user(message.user_id)
            if user is None:  # removed meanwhile
                continue
            for channel in self._channels:
                try:
                    await channel.deliver(message, user)
                except Exception as problem:  # noqa: BLE001 - a channel is anybody's code, and its faults its own
                    self._complain(channel.name, message, repr(problem))

    def _complain(self, channel: str, message: Message, problem: str) -> None:
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
        kept = self._state.store.history.write_log(line)
        self._state.events.publish(LogWritten(at=kept.timestamp, line=kept))
