"""The engine: every verb of the port, in this process."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self

from luajobs_kit._version import __version__
from luajobs_kit.acting_user import acting_reach, acting_user
from luajobs_kit.clock import Clock, SystemClock
from luajobs_kit.engine.diagnosis import diagnose
from luajobs_kit.engine.events import Events
from luajobs_kit.engine.jobs.validation import check_metadata, refuse_foreign
from luajobs_kit.engine.jobs.view import (
    active_version,
    announce,
    as_of,
    show,
    why_it_cannot_fire,
)
from luajobs_kit.engine.lifecycle import Core
from luajobs_kit.engine.runs.outcome import new_execution
from luajobs_kit.engine.runs.runner import LocalRunner, Runner
from luajobs_kit.engine.simulation.simulation import simulate
from luajobs_kit.errors import Conflict, InvalidInput, LuaJobsError, NotFound
from luajobs_kit.ids import Ids
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
from luajobs_kit.name_rules import check_name
from luajobs_kit.page_bounds import check_count
from luajobs_kit.platform import MOST_CONCURRENT, Caller, MessageChannel, Settings
from luajobs_kit.port import Finding, Port, ToolCall, ToolOffer
from luajobs_kit.sandbox import Limits, Sandbox
from luajobs_kit.store import Store, export_archive, export_store, import_file, import_store
from luajobs_kit.timing import fires_after, parse_schedule
from luajobs_kit.timing.durations import read_number
from luajobs_kit.timing.fire_preview import begin, shown_fires

GRACE: Final = 10.0  # seconds that running jobs get when the engine is told to end


class Engine(Port):
    """A workspace's engine. Make one with ``await Engine.open(folder)``; end it with ``aclose``."""

    def __init__(self, assemble: Callable[[Port], Core], folder: Path | None = None) -> None:
        self._core = assemble(self)
        self._state = self._core.state
        self._folder = folder
        self.clients = 0
        """Open connections, counted by the server."""
        self.served = False
        """Whether it stays until it is stopped, even without clients; set by the server."""
        self._simulations: set[asyncio.Task[Simulation]] = set()
        self._ending = False
        self._leaving: asyncio.Task[None] | None = None
        self._core.when_gone(self._leave)

    @classmethod
    async def open(
        cls,
        folder: Path | None,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        sandbox: Sandbox | None = None,
        runner: Runner | None = None,
        virtual_runs: bool = False,
        channels: Sequence[MessageChannel] = (),
    ) -> Self:
        """Open the workspace's folder (None: in memory), resume unfinished executions, begin to fire.

        Messages go to the inbox, and from there to each of ``channels``. Job code runs where
        ``runner`` says, or in ``sandbox``; either stays open when the engine ends. With neither
        it makes a sandbox of its own.

        With ``virtual_runs`` job code sees the time of ``clock`` too, and sleeps in it.
        Raises ``WorkspaceLocked`` when another engine owns the folder, ``WorkspaceError``
        when it cannot be used, ``UnsupportedPlatform`` where jobs cannot be run apart.
        """
        clock = clock or SystemClock()
        ids = ids or Ids(clock)
        given = runner or (LocalRunner(sandbox) if sandbox else None)
        with _no_garbage_collection():
            store = await Store.open(folder, clock=clock, ids=ids)
            try:
                used = given or LocalRunner(await _sandbox(Settings(store.definitions)))
            except BaseException:
                await store.aclose()
                raise
            engine = cls(
                lambda port: Core(
                    port,
                    store,
                    used,
                    clock=clock,
                    ids=ids,
                    virtual_runs=virtual_runs,
                    owns_runner=given is None,
                ),
                folder,
            )
            await engine._core.start(channels)
        return engine

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self, *, grace: float = 0.0) -> None:
        """Fire nothing more, give running jobs ``grace`` seconds, then end them and close the stores."""
        self._ending = True
        for simulation in self._simulations:
            simulation.cancel()
        if self._simulations:
            await asyncio.wait(self._simulations)
        await self._core.aclose(grace=grace)

    async def identify(self) -> str | None:
        """Return the id in the folder's lock file, which no other engine has.

        None in memory. Raises ``WorkspaceGone`` when the folder is no longer this engine's.
        """
        lock = self._state.store.lock
        if lock is None:
            return None
        await asyncio.to_thread(self._state.store.confirm)
        return lock.id

    async def is_gone(self) -> bool:
        """Return whether the folder was removed, moved away or replaced: nothing can be stored any more."""
        return await self._state.store.is_gone()

    @property
    def event_tail(self) -> Events:
        """The events of the engine, which a server writes for its followers."""
        return self._state.events

    def when_gone(self, call: Callable[[], None]) -> None:
        """Have ``call()`` end the engine when its folder is gone; else it ends by itself."""
        self._core.when_gone(call)

    def _leave(self) -> None:
        self._leaving = asyncio.create_task(self.aclose(grace=GRACE), name="luajobs leave")

    def busy(self) -> str | None:
        """Return why the engine must stay, in words; None when it need not."""
        return self._core.busy()

    # The engine itself

    async def status(self) -> EngineStatus:
        # Counted from the raw documents, without parsing them: there may be many, and panels ask for
        # the status all the time.
        jobs = [row for row in self._state.store.definitions.rows("jobs") if not row.get("deleted")]
        running, waiting = self._core.runs.counts()
        return EngineStatus(
            version=__version__,
            # A path may hold bytes that are no text; JSON may not.
            workspace=os.fsencode(self._folder).decode("utf-8", "replace")
            if self._folder
            else None,
            pid=os.getpid(),
            started_at=self._core.started_at,
            now=self._state.clock.now(),
            epoch=self._state.events.epoch,
            jobs=len(jobs),
            active_jobs=len(self._state.next_fires),
            running=running,
            waiting=waiting,
            next_fire_at=self._core.next_fire(),
            clients=self.clients,
            unwritten=self._state.store.unwritten and await self._state.store.try_writing(),
            stays=self._until_when(),
            default_user=self._state.settings.values.default_user,
            agent_id=self._state.settings.values.agent_id,
        )

    def _until_when(self) -> str:
        if self.served:
            return "stays until it is stopped"
        why = self.busy()
        return f"stays: {why}" if why else "leaves 10 minutes after its last client"

    async def doctor(self) -> list[Finding]:
        return await diagnose(
            self._state.store.findings,
            self._core.watermarks.ahead(),
            self._core.lookup.unable(),
            await self._state.store.try_writing(),
        )

    async def settings(self, changes: dict[str, Any] | None = None) -> dict[str, Any]:
        if changes:
            await self._state.settings.change(changes)
            await self._core.registry.take_along()
            self._core.apply_settings()
            await self._core.platform.ensure_user(self._state.settings.values.default_user)
        return self._state.settings.values.model_dump(mode="json")

    async def export_workspace(self, file: str | None = None) -> dict[str, Any]:
        if file is None:
            return await export_store(self._state.store)
        return dict(await export_archive(self._state.store, Path(file)))

    async def import_workspace(
        self, exported: dict[str, Any] | None = None, file: str | None = None
    ) -> dict[str, int]:
        state = self._state
        check = partial(refuse_foreign, state)
        before = {record.id: record for record in state.store.definitions.jobs()}
        if file is None:
            counts = await import_store(state.store, exported, check, now=state.clock.now)
        else:
            counts = await import_file(state.store, Path(file), check, now=state.clock.now)
        state.last.update(await state.store.history.last_executions())
        state.settings.read()
        await self._core.registry.take_along()
        self._core.apply_settings()
        for record in state.store.definitions.jobs():
            await self._core.firing.arm_as_imported(record.id)
            await self._core.runs.drop(record.id)
            known = before.get(record.id)
            if known is not None and known.armed_at != record.armed_at:
                state.log(
                    "It was imported over what was here: its schedule counts from now"
                    + ("." if record.active else ", and it is inactive."),
                    job=(record.id, record.name),
                    user_id=record.user_id,
                )
            announce(state, record)
        return counts

    # Jobs

    async def create_job(self, spec: JobSpec, *, key: str | None = None) -> Job:
        user_id = self._acting()
        self._refuse_misspelt(spec.tools or [])
        await self._core.platform.ensure_user(user_id)
        return await self._core.declarations.create(spec, user_id, key, reach=acting_reach())

    async def deploy_jobs(self, specs: list[JobSpec], *, dry_run: bool = False) -> Deployment:
        for spec in () if dry_run else specs:  # what a dry run's agent offers is not offered yet
            self._refuse_misspelt(spec.tools or [])
        return await self._core.declarations.deploy(specs, dry_run=dry_run)

    async def get_job(self, job_id: str) -> Job:
        return show(self._state, self._core.lookup.record(job_id))

    async def find_job(self, name: str) -> Job:
        return self._core.lookup.find(name, self._acting())

    async def list_jobs(
        self, *, include_dynamic: bool = False, include_deleted: bool = False
    ) -> list[Job]:
        jobs = self._core.lookup.each_job(
            include_dynamic=include_dynamic, include_deleted=include_deleted
        )
        return [job async for job in jobs]

    async def activate_job(self, job_id: str) -> Job:
        return await self._core.registry.activate(job_id)

    async def deactivate_job(self, job_id: str) -> Job:
        return await self._core.registry.deactivate(job_id)

    async def cancel_job(self, job_id: str) -> Cancellation:
        self._core.lookup.record(job_id)
        return await self._core.runs.cancel_all(job_id)

    async def delete_job(self, job_id: str, *, force: bool = False) -> Deletion:
        return await self._core.registry.delete(job_id, force=force)

    async def trigger_job(
        self,
        job_id: str,
        version_id: str | None = None,
        *,
        metadata: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> Execution:
        return await self._run_by_hand(job_id, version_id, metadata, key)

    async def rerun_execution(
        self,
        execution_id: str,
        version_id: str | None = None,
        *,
        metadata: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> Execution:
        before = await self.get_execution(execution_id)
        if not before.finished:
            raise Conflict(
                f"{execution_id} of {before.job_name} is {before.status} and not over; wait for it or "
                "cancel it, and run it again then.",
                execution_id=execution_id,
            )
        given = {**(before.metadata or {}), **(metadata or {})}
        return await self._run_by_hand(
            before.job_id, version_id or before.version_id, given or None, key, rerun_of=before.id
        )

    async def _run_by_hand(
        self,
        job_id: str,
        version_id: str | None,
        metadata: dict[str, Any] | None,
        key: str | None,
        *,
        rerun_of: str | None = None,
    ) -> Execution:
        record = self._core.lookup.record(job_id)
        version = (
            self._core.lookup.version(job_id, version_id)
            if version_id is not None
            else active_version(self._state, record)
        )
        if metadata is not None:
            check_metadata(record.metadata | metadata)
        execution = new_execution(self._state, record, version, cause="manual").evolve(
            metadata=metadata, rerun_of=rerun_of
        )
        return await self._core.runs.claim(execution, version, key=key)

    async def update_metadata(self, job_id: str, changes: dict[str, Any]) -> Job:
        return await self._core.registry.update_metadata(job_id, changes)

    async def push_version(
        self, job_id: str, spec: VersionSpec, *, key: str | None = None
    ) -> JobVersion:
        self._refuse_misspelt(spec.tools or [])
        return await self._core.registry.push(job_id, spec, key)

    def _refuse_misspelt(self, names: list[str]) -> None:
        """Raise ``InvalidInput`` for a tool that no job has yet, named nearly as one on offer."""
        wrong = self._core.tools.misspelt(names)
        if not wrong:
            return
        definitions = self._state.store.definitions
        versions = [each for job in definitions.jobs() for each in definitions.versions(job.id)]
        for name in wrong.keys() - {name for each in versions for name in each.tools or ()}:
            listed = ", ".join(tool.name for tool in self._core.tools.offered())
            raise InvalidInput(
                f"tools lists {name!r}, which nobody offers.{wrong[name]} Offered now: {listed}. "
                "A tool that is to come is offered first, and given to a job then.",
                field="tools",
            )

    async def publish_version(self, job_id: str, version: str) -> Job:
        return await self._core.registry.publish(job_id, version)

    async def next_runs(self, job_id: str, count: int = 5) -> list[datetime]:
        record = self._core.lookup.record(job_id)
        fire = self._state.fire(record)
        if not record.active or fire.state != "armed" or why_it_cannot_fire(self._state, record):
            return []
        now = self._state.clock.now()
        fires = fires_after(
            active_version(self._state, record).schedule,
            max(now, fire.last_fire or now),  # a clock set back runs nothing again
            armed_at=fire.armed_at,
        )
        return await _first(fires, check_count(count, "count"))

    async def preview(
        self, schedule: Schedule, count: int = 5, start: datetime | None = None
    ) -> list[datetime]:
        now = self._state.clock.now()
        checked = parse_schedule(schedule, now=now, check_past=False)
        valid, after = begin(checked, check_count(count, "count"), start or now, self._state.clock)
        return await _first(shown_fires(valid, after), count)

    async def simulate(
        self,
        until: datetime,
        *,
        job_id: str | None = None,
        seed: int = 0,
        responses: dict[str, Any] | None = None,
        max_fires: int = 1_000,
    ) -> Simulation:
        if job_id is not None:
            self._core.lookup.record(job_id)
        running = asyncio.create_task(
            simulate(
                self._state,
                lambda assemble: Engine(assemble)._core,  # noqa: SLF001 - its own class
                until,
                job_id=job_id,
                seed=seed,
                responses=responses or {},
                max_fires=max_fires,
            )
        )
        self._simulations.add(running)
        try:
            return await running
        except asyncio.CancelledError:
            if not self._ending:
                raise
            raise LuaJobsError(
                "The engine ended before the simulation had; ask for it again."
            ) from None
        finally:
            self._simulations.discard(running)

    # Executions

    async def list_executions(
        self,
        job_id: str | None = None,
        *,
        status: ExecutionStatus | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> ExecutionPage:
        page = await self._state.store.history.executions(
            job_id=job_id, status=status, limit=check_count(limit), offset=max(0, offset)
        )
        now = self._state.clock.now()
        return page.evolve(executions=[as_of(execution, now) for execution in page.executions])

    async def get_execution(self, execution_id: str) -> Execution:
        execution = await self._state.store.history.execution(execution_id)
        if execution is None:
            raise NotFound(f"There is no execution {execution_id!r}.", execution_id=execution_id)
        return as_of(execution, self._state.clock.now())

    async def wait_execution(self, execution_id: str, timeout: float = 30.0) -> Execution:  # noqa: ASYNC109 - see Port
        await self._core.runs.wait(execution_id, read_number(timeout, "timeout"))
        return await self.get_execution(execution_id)

    async def cancel_execution(self, execution_id: str) -> Execution:
        await self._core.runs.cancel(execution_id)
        return await self.get_execution(execution_id)

    # Logs and events

    async def logs(self, query: LogQuery) -> LogPage:
        return await self._state.store.history.logs(
            query.evolve(limit=check_count(query.limit), page=max(1, query.page))
        )

    async def write_log(self, line: LogLine) -> LogLine:
        message = self._state.settings.masked(line.message)
        return self._state.write_log(line.evolve(message=message))

    def events(self, after: str | None = None) -> AsyncIterator[Event]:
        return self._state.events.follow(after)

    # Platform and tools

    async def call(self, verb: str, arguments: dict[str, Any], *, key: str | None = None) -> Any:
        user_id = self._acting()
        await self._core.platform.ensure_user(user_id)
        return await self._core.platform.call(verb, arguments, Caller(user_id=user_id), key=key)

    def offer(self, tools: list[ToolOffer]) -> AsyncIterator[ToolCall]:
        for tool in tools:
            check_name(tool.name, "a tool", example="get_weather")
        return self._core.tools.offer(tools)

    async def tools(self) -> list[ToolOffer]:
        return self._core.tools.offered()

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> Any:
        return await self._core.tools.ask(name, arguments, user_id=self._acting())

    async def take(self, call_id: str) -> None:
        self._core.tools.take(call_id)

    async def answer(
        self, call_id: str, value: Any = None, error: dict[str, Any] | None = None
    ) -> None:
        self._core.tools.answer(call_id, value, error)

    def _acting(self) -> str:
        return acting_user() or self._state.settings.values.default_user


async def _first(fires: Iterator[datetime], count: int) -> list[datetime]:
    """Return the first fires, yielding to the loop after each: a rare one takes a millisecond to find."""
    found: list[datetime] = []
    for fire in islice(fires, count):
        found.append(fire)
        await asyncio.sleep(0)
    return found


async def _sandbox(settings: Settings) -> Sandbox:
    """Start a sandbox within the workspace's bounds, and return it."""
    values = settings.values
    ceiling = Limits(timeout=values.timeout_ceiling, memory=values.memory_limit)
    # The engine bounds how many run at once, by a setting that may change; the sandbox need not.
    return await Sandbox(max_children=MOST_CONCURRENT, ceiling=ceiling).__aenter__()


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Switch garbage collection off inside the block, which makes many objects and drops few.

    Each collection walks all objects made so far: with 100,000 jobs a quarter of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
