"""The port over HTTP: an engine in another process, asked with the same words."""

# The wire's answers are checked against Port's own annotations when they are read.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import quote

import luajobs_kit
from luajobs_kit import wire
from luajobs_kit.acting import acting_user
from luajobs_kit.address import Address
from luajobs_kit.client import discover, sse
from luajobs_kit.client.transport import ConnectionLost, Headers, Transport
from luajobs_kit.errors import EngineUnavailable
from luajobs_kit.model import (
    Deletion,
    EngineStatus,
    Event,
    Execution,
    ExecutionPage,
    ExecutionStatus,
    Job,
    JobSpec,
    JobVersion,
    LogLine,
    LogPage,
    LogQuery,
    Schedule,
    VersionSpec,
)
from luajobs_kit.port import Finding, Port, PowerCall, PowerOffer

ANSWER: Final = 60.0  # seconds an answer may take
SILENCE: Final = 3 * wire.HEARTBEAT  # seconds without a byte after which a stream is lost
OK, UNAUTHORIZED, TOO_MANY, UNAVAILABLE = 200, 401, 429, 503


class HttpPort(Port):
    """A client of the workspace's engine; finds or starts the next one when it has died.

    What was acknowledged is kept. A question whose answer was lost is asked again, under
    the same idempotency key where asking twice would do a thing twice; the few verbs that
    have none (``delete_job``, ``write_log``, ``answer``) raise ``EngineUnavailable``
    instead, and say so. Belongs to the event loop it is first used in.
    """

    def __init__(
        self, folder: Path, address: Address, *, patience: float = discover.PATIENCE
    ) -> None:
        self.folder = folder
        self._transport = Transport(address)
        self._patience = patience
        self._finding: asyncio.Lock = asyncio.Lock()

    @classmethod
    async def connect(cls, folder: Path, *, patience: float = discover.PATIENCE) -> Self:
        """Find or start the folder's engine. Raises ``EngineUnavailable``."""
        address = await discover.find_or_start(folder, patience=patience)
        return cls(folder, address, patience=patience)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def address(self) -> Address:
        """Where the engine was last found."""
        return self._transport.address

    # Asking

    async def _ask(
        self, name: str, /, *, seconds: float = ANSWER, key: str | None = None, **arguments: Any
    ) -> Any:
        verb = wire.verb(name)
        body = verb.write_request(arguments)
        headers = _headers()
        if verb.keyed:
            headers.append((wire.KEY_HEADER, key or secrets.token_urlsafe(16)))
        deadline = time.monotonic() + self._patience
        while True:
            transport = self._transport
            try:
                status, answer = await transport.ask(
                    verb.path, body, headers, seconds=seconds, fresh=not verb.repeatable
                )
            except ConnectionLost as lost:
                if lost.sent and not verb.repeatable:
                    raise EngineUnavailable(
                        f"The engine was lost before it answered ({lost}). Whether {name} was done "
                        "is not known; look before you repeat it."
                    ) from lost
                await self._find_again(transport, deadline, lost)
                continue
            if status == OK:
                return verb.read_answer(answer)
            error = wire.read_error(answer, status)
            if status == TOO_MANY and time.monotonic() < deadline:
                await asyncio.sleep(error.details.get("retry_after", 1.0))
            elif _has_left(status, error):
                await self._find_again(transport, deadline, error)
            else:
                raise error

    async def _find_again(
        self, lost: Transport, deadline: float, cause: BaseException | None
    ) -> None:
        """Change over to the engine that answers now, starting it if there is none."""
        async with self._finding:
            if self._transport is not lost:
                return  # another task has found it meanwhile
            left = deadline - time.monotonic()
            if left <= 0:
                raise EngineUnavailable(
                    f"The engine for {self.folder} kept being lost ({cause})."
                ) from cause
            if not self.folder.is_dir():
                raise EngineUnavailable(f"The workspace {self.folder} is gone.") from cause
            address = await discover.find_or_start(self.folder, patience=left)
            lost.close()
            self._transport = Transport(address)

    async def _follow(
        self, method: Literal["GET", "POST"], target: str, body: bytes
    ) -> AsyncIterator[tuple[str, bytes]]:
        """Yield one connection's messages. Raises ``ConnectionLost`` when it was not ended in order."""
        headers = [*_headers(), ("Accept", "text/event-stream")]
        transport = self._transport
        async with transport.stream(method, target, body, headers, silence=SILENCE) as (
            status,
            parts,
        ):
            if status != OK:
                error = wire.read_error(b"".join([part async for part in parts]), status)
                if _has_left(status, error):
                    raise ConnectionLost(error, sent=False)
                raise error
            async for name, data in sse.messages(parts):
                yield name, data
        raise ConnectionLost("the engine closed the stream", sent=True)

    # The engine itself

    async def status(self) -> EngineStatus:
        return await self._ask("status")

    async def doctor(self) -> list[Finding]:
        return await self._ask("doctor")

    async def settings(self, changes: dict[str, Any] | None = None) -> dict[str, Any]:
        return await self._ask("settings", changes=changes)

    # Jobs

    async def create_job(self, spec: JobSpec, *, key: str | None = None) -> Job:
        return await self._ask("create_job", spec=spec, key=key)

    async def get_job(self, job_id: str) -> Job:
        return await self._ask("get_job", job_id=job_id)

    async def find_job(self, name: str) -> Job:
        return await self._ask("find_job", name=name)

    async def list_jobs(
        self, *, include_dynamic: bool = False, include_deleted: bool = False
    ) -> list[Job]:
        return await self._ask(
            "list_jobs", include_dynamic=include_dynamic, include_deleted=include_deleted
        )

    async def activate_job(self, job_id: str) -> Job:
        return await self._ask("activate_job", job_id=job_id)

    async def deactivate_job(self, job_id: str) -> Job:
        return await self._ask("deactivate_job", job_id=job_id)

    async def delete_job(self, job_id: str, *, force: bool = False) -> Deletion:
        return await self._ask("delete_job", job_id=job_id, force=force)

    async def trigger_job(
        self, job_id: str, version_id: str | None = None, *, key: str | None = None
    ) -> Execution:
        return await self._ask("trigger_job", job_id=job_id, version_id=version_id, key=key)

    async def update_metadata(self, job_id: str, changes: dict[str, Any]) -> Job:
        return await self._ask("update_metadata", job_id=job_id, changes=changes)

    async def push_version(
        self, job_id: str, spec: VersionSpec, *, key: str | None = None
    ) -> JobVersion:
        return await self._ask("push_version", job_id=job_id, spec=spec, key=key)

    async def publish_version(self, job_id: str, version: str) -> Job:
        return await self._ask("publish_version", job_id=job_id, version=version)

    async def next_runs(self, job_id: str, count: int = 5) -> list[datetime]:
        return await self._ask("next_runs", job_id=job_id, count=count)

    async def preview(
        self, schedule: Schedule, count: int = 5, start: datetime | None = None
    ) -> list[datetime]:
        return await self._ask("preview", schedule=schedule, count=count, start=start)

    # Executions

    async def list_executions(
        self,
        job_id: str | None = None,
        *,
        status: ExecutionStatus | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> ExecutionPage:
        return await self._ask(
            "list_executions", job_id=job_id, status=status, limit=limit, offset=offset
        )

    async def get_execution(self, execution_id: str) -> Execution:
        return await self._ask("get_execution", execution_id=execution_id)

    async def wait_execution(self, execution_id: str, timeout: float = 30.0) -> Execution:  # noqa: ASYNC109 - see Port
        return await self._ask(
            "wait_execution", execution_id=execution_id, timeout=timeout, seconds=timeout + ANSWER
        )

    async def cancel_execution(self, execution_id: str) -> Execution:
        return await self._ask("cancel_execution", execution_id=execution_id)

    # Logs and events

    async def logs(self, query: LogQuery) -> LogPage:
        return await self._ask("logs", query=query)

    async def write_log(self, line: LogLine) -> LogLine:
        return await self._ask("write_log", line=line)

    async def events(self, after: str | None = None) -> AsyncIterator[Event]:
        kind = wire.verb("events").answer
        cursor = after
        while True:
            transport = self._transport
            query = "" if cursor is None else f"?after={quote(cursor)}"
            try:
                async for name, data in self._follow("GET", f"{wire.PREFIX}/events{query}", b""):
                    if name == "end":
                        return
                    if name == "cursor":  # where this stream begins, so that nothing is missed
                        cursor = json.loads(data)
                        continue
                    event: Event = kind.validate_json(data)
                    cursor = event.id
                    yield event
            except ConnectionLost as lost:
                await self._find_again(transport, time.monotonic() + self._patience, lost)

    # Platform and powers

    async def call(self, verb: str, arguments: dict[str, Any], *, key: str | None = None) -> Any:
        return await self._ask("call", verb=verb, arguments=arguments, key=key)

    async def offer(self, powers: list[PowerOffer]) -> AsyncIterator[PowerCall]:
        verb = wire.verb("offer")
        body = verb.write_request({"powers": powers})
        while True:
            transport = self._transport
            try:
                async for name, data in self._follow("POST", verb.path, body):
                    if name == "end":
                        return
                    if name == "call":
                        yield verb.answer.validate_json(data)
            except ConnectionLost as lost:
                await self._find_again(transport, time.monotonic() + self._patience, lost)

    async def answer(
        self, call_id: str, value: Any = None, error: dict[str, Any] | None = None
    ) -> None:
        await self._ask("answer", call_id=call_id, value=value, error=error)

    async def aclose(self) -> None:
        self._transport.close()


def _headers() -> Headers:
    user = acting_user()
    headers = [(wire.VERSION_HEADER, luajobs_kit.__version__)]
    if user is not None:
        headers.append((wire.USER_HEADER, quote(user)))
    return headers


def _has_left(status: int, error: Exception) -> bool:
    """Whether the engine that was known is gone: its place is taken, or it is ending."""
    return status == UNAUTHORIZED or (
        status == UNAVAILABLE and isinstance(error, EngineUnavailable)
    )
