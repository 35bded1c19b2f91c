"""Handing messages to channels, after the inbox has them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from luajobs_kit.engine.state import State
from luajobs_kit.model import Event, LogLine, LogSource, LogWritten, Message, MessageSent
from luajobs_kit.platform import Channel


async def deliver_all(
    state: State, news: AsyncIterator[Event], channels: Sequence[Channel]
) -> None:
    """Hand every message that ``news`` tells of to every channel, until the engine ends."""
    async for event in news:
        if isinstance(event, MessageSent):
            for channel in channels:
                await _deliver(state, channel, event.message)


async def _deliver(state: State, channel: Channel, message: Message) -> None:
    user = state.store.definitions.user(message.user_id)
    if user is None:  # removed meanwhile
        return
    try:
        await channel.deliver(message, user)
    except Exception as problem:  # noqa: BLE001 - a channel is anybody's code, and its faults its own
        line = LogLine(
            timestamp=state.clock.now(),
            sub_type="error",
            message=f"{channel.name} did not take message {message.id}: {problem!r}",
            metadata=LogSource(
                log_source="channel",
                primitive_name=message.job_name,
                primitive_id=message.job_id,
                channel=channel.name,
                user_id=message.user_id,
                execution_id=message.execution_id,
            ),
        )
        kept = state.store.history.write_log(line)
        state.events.publish(LogWritten(at=kept.timestamp, line=kept))
