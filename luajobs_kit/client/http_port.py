"""The port over HTTP: an engine in another process, asked with the same words."""

# The wire's answers are checked against Port's own annotations when they are read.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from luajobs_kit import http_protocol, port_schema
from luajobs_kit.client import discover
from luajobs_kit.client.http_connection import ConnectionLost
from luajobs_kit.client.session import (
    ANSWER,
    SIMULATION,
    TOOL,
    TRANSFER,
    UNAVAILABLE,
    EngineSession,
    Messages,
)
from luajobs_kit.engine_address import Address
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import (
    Cancellation,
    Deletion,
    Deployment,
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
    Simulation,
    VersionSpec,
)
from luajobs_kit.port import Finding, Port, ToolCall, ToolOffer


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
        self._session = EngineSession(folder, address, patience)

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
        return self._session.transport.address

    # The engine itself

    async def status(self) -> EngineStatus:
        return await self._session.ask("status")

    async def doctor(self) -> list[Finding]:
        return await self._session.ask("doctor")

    async def settings(self, changes: dict[str, Any] | None = None) -> dict[str, Any]:
        return await self._session.ask("settings", changes=changes)

    async def export_workspace(self, file: str | None = None) -> dict[str, Any]:
        self._refuse_elsewhere(file)
        return await self._session.ask("export_workspace", seconds=TRANSFER, file=file)

    async def import_workspace(
        self, exported: dict[str, Any] | None = None, file: str | None = None
    ) -> dict[str, int]:
        self._refuse_elsewhere(file)
        return await self._session.ask(
            "import_workspace", seconds=TRANSFER, exported=exported, file=file
        )

    def _refuse_elsewhere(self, file: str | None) -> None:
        if file is not None and self.address.elsewhere:
            raise InvalidInput(
                f"The engine runs on another machine ({self.address.url}), which has no {file}. Run "
                "this command there."
            )

    # Jobs

    async def create_job(self, spec: JobSpec, *, key: str | None = None) -> Job:
        return await self._session.ask("create_job", spec=spec, key=key)

    async def deploy_jobs(self, specs: list[JobSpec], *, dry_run: bool = False) -> Deployment:
        return await self._session.ask("deploy_jobs", specs=specs, dry_run=dry_run)

    async def get_job(self, job_id: str) -> Job:
        return await self._session.ask("get_job", job_id=job_id)

    async def find_job(self, name: str) -> Job:
        return await self._session.ask("find_job", name=name)

    async def list_jobs(
        self, *, include_dynamic: bool = False, include_deleted: bool = False
    ) -> list[Job]:
        return await self._session.ask(
            "list_jobs", include_dynamic=include_dynamic, include_deleted=include_deleted
        )

    async def activate_job(self, job_id: str) -> Job:
        return await self._session.ask("activate_job", job_id=job_id)

    async def deactivate_job(self, job_id: str) -> Job:
        return await self._session.ask("deactivate_job", job_id=job_id)

    async def cancel_job(self, job_id: str) -> Cancellation:
        return await self._session.ask("cancel_job", job_id=job_id)

    async def delete_job(self, job_id: str, *, force: bool = False) -> Deletion:
        return await self._session.ask("delete_job", job_id=job_id, force=force)

    async def trigger_job(
        self,
        job_id: str,
        version_id: str | None = None,
        *,
        metadata: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> Execution:
        return await self._session.ask(
            "trigger_job", job_id=job_id, version_id=version_id, metadata=metadata, key=key
        )

    async def rerun_execution(
        self,
        execution_id: str,
        version_id: str | None = None,
        *,
        metadata: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> Execution:
        return await self._session.ask(
            "rerun_execution",
            execution_id=execution_id,
            version_id=version_id,
            metadata=metadata,
            key=key,
        )

    async def update_metadata(self, job_id: str, changes: dict[str, Any]) -> Job:
        return await self._session.ask("update_metadata", job_id=job_id, changes=changes)

    async def push_version(
        self, job_id: str, spec: VersionSpec, *, key: str | None = None
    ) -> JobVersion:
        return await self._session.ask("push_version", job_id=job_id, spec=spec, key=key)

    async def publish_version(self, job_id: str, version: str) -> Job:
        return await self._session.ask("publish_version", job_id=job_id, version=version)

    async def next_runs(self, job_id: str, count: int = 5) -> list[datetime]:
        return await self._session.ask("next_runs", job_id=job_id, count=count)

    async def preview(
        self, schedule: Schedule, count: int = 5, start: datetime | None = None
    ) -> list[datetime]:
        from luajobs_kit.timing.zones import zone_of  # noqa: PLC0415 - for this verb alone

        fires: list[datetime]
        fires = await self._session.ask("preview", schedule=schedule, count=count, start=start)
        try:
            zone = zone_of(schedule)
        except InvalidInput:
            return fires  # only the engine's machine knows the zone
        # JSON carries a time's offset and not the name of its zone.
        return [fire.astimezone(zone) for fire in fires]

    async def simulate(
        self,
        until: datetime,
        *,
        job_id: str | None = None,
        seed: int = 0,
        responses: dict[str, Any] | None = None,
        max_fires: int = 1_000,
    ) -> Simulation:
        return await self._session.ask(
            "simulate",
            until=until,
            job_id=job_id,
            seed=seed,
            responses=responses,
            max_fires=max_fires,
            seconds=SIMULATION,
        )

    # Executions

    async def list_executions(
        self,
        job_id: str | None = None,
        *,
        status: ExecutionStatus | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> ExecutionPage:
        return await self._session.ask(
            "list_executions", job_id=job_id, status=status, limit=limit, offset=offset
        )

    async def get_execution(self, execution_id: str) -> Execution:
        return await self._session.ask("get_execution", execution_id=execution_id)

    async def wait_execution(self, execution_id: str, timeout: float = 30.0) -> Execution:  # noqa: ASYNC109 - see Port
        return await self._session.ask(
            "wait_execution", execution_id=execution_id, timeout=timeout, seconds=timeout + ANSWER
        )

    async def cancel_execution(self, execution_id: str) -> Execution:
        return await self._session.ask("cancel_execution", execution_id=execution_id)

    # Logs and events

    async def logs(self, query: LogQuery) -> LogPage:
        return await self._session.ask("logs", query=query)

    async def write_log(self, line: LogLine) -> LogLine:
        return await self._session.ask("write_log", line=line)

    def events(self, after: str | None = None) -> AsyncIterator[Event]:
        # As in process, what is asked after this call is in the stream, whenever it is read.
        return self._events(after, self._session.begin(self._followed(after)))

    async def _followed(self, after: str | None) -> tuple[Messages, str | None]:
        """Open the stream; return it with the id of the event it begins after."""
        query = "" if after is None else f"?after={quote(after)}"
        opened = await self._session.open("GET", f"{http_protocol.PREFIX}/events{query}")
        if after is not None:
            return opened, after
        async for name, data in opened:
            if name == "cursor":
                return opened, json.loads(data)
        return opened, None

    async def _events(
        self, cursor: str | None, begun: asyncio.Task[tuple[Messages, str | None]] | None
    ) -> AsyncIterator[Event]:
        kind = port_schema.verb("events").answer
        opened: Messages | None = None
        while True:
            try:
                opened, cursor = await (begun or self._followed(cursor))
                async for name, data in opened:
                    if name == "end":
                        if b'"error"' in data:
                            raise http_protocol.read_error(data, UNAVAILABLE)
                        return
                    if name == "event":
                        event: Event = kind.validate_json(data)
                        cursor = event.id
                        yield event
                lost = ConnectionLost("the engine closed the stream", sent=True)
            except ConnectionLost as problem:
                lost = problem
            finally:
                if opened is not None:
                    opened.close()
            begun = None
            transport = self._session.transport if opened is None else opened.transport
            await self._session.find_again(transport, lost)

    # Platform and tools

    async def call(self, verb: str, arguments: dict[str, Any], *, key: str | None = None) -> Any:
        return await self._session.ask("call", verb=verb, arguments=arguments, key=key)

    def offer(self, tools: list[ToolOffer]) -> AsyncIterator[ToolCall]:
        body = port_schema.verb("offer").write_request({"tools": tools})
        return self._offer(body, self._session.begin(self._offered(body)))

    async def _offered(self, body: bytes) -> Messages:
        """Open an offer, and return once job code can reach it."""
        opened = await self._session.open("POST", port_schema.verb("offer").path, body)
        async for name, _ in opened:
            if name == "offered":
                break
        return opened

    async def _offer(
        self, body: bytes, begun: asyncio.Task[Messages] | None
    ) -> AsyncIterator[ToolCall]:
        kind = port_schema.verb("offer").answer
        opened: Messages | None = None
        while True:
            try:
                opened = await (begun or self._offered(body))
                async for name, data in opened:
                    if name == "end":  # it left on purpose: what was offered waits for the next
                        await self._session.next_engine()
                    if name == "call":
                        yield kind.validate_json(data)
                lost = ConnectionLost("the engine closed the stream", sent=True)
            except ConnectionLost as problem:
                lost = problem
            finally:
                if opened is not None:
                    opened.close()
            begun = None
            transport = self._session.transport if opened is None else opened.transport
            await self._session.find_again(transport, lost)

    async def tools(self) -> list[ToolOffer]:
        return await self._session.ask("tools")

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> Any:
        return await self._session.ask("call_tool", name=name, arguments=arguments, seconds=TOOL)

    async def take(self, call_id: str) -> None:
        await self._session.ask("take", call_id=call_id)

    async def answer(
        self, call_id: str, value: Any = None, error: dict[str, Any] | None = None
    ) -> None:
        await self._session.ask("answer", call_id=call_id, value=value, error=error)

    async def aclose(self) -> None:
        self._session.close()
