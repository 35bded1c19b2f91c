"""Message channels: the seam by which messages go beyond the inbox, to Slack, e-mail and their like."""

from __future__ import annotations

from typing import Protocol

from luajobs_kit.model import Message, UserRecord


class MessageChannel(Protocol):
    """Delivers messages that are in the inbox already.

    The inbox is the record; a channel is on top of it. What ``deliver`` raises is written
    to the log and changes nothing else: neither the run that sent the message nor other
    channels.
    """

    name: str

    async def deliver(self, message: Message, user: UserRecord) -> None:
        """Hand the message to the user; called once a message, soon after it was kept."""
        ...
