"""A reader of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

from collections.abc import AsyncIterator


async def messages(parts: AsyncIterator[bytes]) -> AsyncIterator[tuple[str, bytes]]:
    """Yield each message's event name and data. Comments (the heartbeat) are passed over.

    Only what our own server writes is read: lines end in a line feed, data is one line.
    """
    rest = b""
    async for part in parts:
        *blocks, rest = (rest + part).split(b"\n\n")
        for block in blocks:
            name, data = "message", b""
            for line in block.split(b"\n"):
                label, _, value = line.partition(b": ")
                if label == b"event":
                    name = value.decode()
                elif label == b"data":
                    data = value
            if data:
                yield name, data
