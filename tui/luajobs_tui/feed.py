"""Following an engine: its events, its heartbeat, and what is read about one job."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from pydantic import TypeAdapter
from textual.message import Message as Told

from luajobs_kit.model import Event, Job, LogQuery, Message, Resync
from luajobs_kit.port import Port
from luajobs_tui.known import EXECUTIONS_KEPT, MESSAGES_KEPT, Snapshot, Topic
from luajobs_tui.messages import ConnectionLost, HeartbeatHeard, NewsArrived, TopicRead

NOWHERE: Final = "nowhere.0"
"""A cursor of no epoch: the engine answers it with ``Resync`` first, so the snapshot is
read with the stream already open and nothing falls between the two."""
PAUSE: Final = 1.0  # seconds between two tries to get the stream back
HEARTBEAT: Final = 2.0  # seconds
PATIENCE: Final = 5.0  # seconds that one heartbeat may take
LINES_READ: Final = 500  # of the log, when a job is selected

_MESSAGES: Final[TypeAdapter[list[Message]]] = TypeAdapter(list[Message])


class Feed:
    """Reads from the port and posts. What arrived waits in ``pending``, in order."""

    def __init__(self, port: Port, post: Callable[[Told], object]) -> None:
        self._port = port
        self._post = post
        self.pending: deque[Event | Snapshot] = deque()

    async def follow(self) -> None:
        """Follow the engine until cancelled, through every loss of the connection."""
        tries = 0
        while True:
            why = "the engine ended"
            try:
                async for event in self._port.events(after=NOWHERE):
                    tries = 0
                    self.pending.append(
                        await self._read_afresh() if isinstance(event, Resync) else event
                    )
                    self._post(NewsArrived())
            except Exception as problem:  # noqa: BLE001 - a monitor outlives whatever its connection does
                why = str(problem) or type(problem).__name__
            tries += 1
            self._post(ConnectionLost(why, tries))
            await asyncio.sleep(PAUSE)

    async def _read_afresh(self) -> Snapshot:
        jobs = await self._port.list_jobs(include_dynamic=True)
        return Snapshot(await self._port.status(), jobs)

    async def beat(self) -> None:
        """Ask the engine how it is, again and again; silence is told by the last answer's age."""
        while True:
            await asyncio.sleep(HEARTBEAT)
            try:
                status = await asyncio.wait_for(self._port.status(), PATIENCE)
            except Exception:  # noqa: BLE001, S112 - follow() says why; here it only shows as age
                continue
            self._post(HeartbeatHeard(status))

    async def read(self, job: Job, topic: Topic) -> None:
        """Read what one tab shows of a job. Raises what the port raises."""
        value: Any = None
        match topic:
            case "log":
                page = await self._port.logs(LogQuery(job_id=job.id, limit=LINES_READ))
                value = page.logs[::-1]
            case "executions":
                runs = await self._port.list_executions(job.id, limit=EXECUTIONS_KEPT)
                value = runs.executions
            case "schedule":
                value = await self._port.next_runs(job.id, 5)
            case "messages":
                value = _MESSAGES.validate_python(await self._messages(job))
            case "code":
                pass  # came with the job
        self._post(TopicRead(job.id, topic, value))

    async def _messages(self, job: Job) -> Any:
        if job.user_id is None:  # a pre-defined job may write to anybody
            return await self._port.call("user.inbox", {"limit": MESSAGES_KEPT})
        return await self._port.call("user.history", {"id": job.user_id, "limit": MESSAGES_KEPT})
