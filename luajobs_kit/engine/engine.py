"""The engine: every verb of the port, in this process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import luajobs_kit
from luajobs_kit.acting import acting_user
from luajobs_kit.clock import Clock, SystemClock, VirtualClock
from luajobs_kit.engine.context import context_of
from luajobs_kit.engine.deliveries import deliver_all
from luajobs_kit.engine.events import Events
from luajobs_kit.engine.firing import Firing
from luajobs_kit.engine.outcomes import new_execution
from luajobs_kit.engine.powers import Powers
from luajobs_kit.engine.registry import Registry
from luajobs_kit.engine.requests import Requests
from luajobs_kit.engine.retention import Retention
from luajobs_kit.engine.runs import Runs
from luajobs_kit.engine.simulated import Simulated, serving
from luajobs_kit.engine.simulation import Recorder, check_bounds, fill, report
from luajobs_kit.engine.state import State
from luajobs_kit.engine.views import active_version, show
from luajobs_kit.errors import InvalidInput, NotFound, WorkspaceError
from luajobs_kit.ids import Ids
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
    LogWritten,
    Schedule,
    Simulation,
    VersionSpec,
)
from luajobs_kit.platform import Caller, Channel, Platform, Settings
from luajobs_kit.port import Finding, Port, PowerCall, PowerOffer
from luajobs_kit.sandbox import Limits, Sandbox, doctor
from luajobs_kit.store import Store, export_archive, export_store, import_file, import_store
from luajobs_kit.timing import Scheduler, fires_after, parse_schedule, preview

LAST_DELIVERIES: Final = 5.0  # seconds channels have for the last messages when the engine ends


class Engine(Port):
    """A workspace's engine. Make one with ``await Engine.open(folder)``; end it with ``aclose``."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        sandbox: Sandbox,
        *,
        clock: Clock,
        ids: Ids,
        simulated: Simulated | None = None,
        virtual_runs: bool = False,
    ) -> None:
        self._state = state = State(
            store=store,
            clock=clock,
            ids=ids,
            events=Events(clock),
            settings=settings,
            sandbox=sandbox,
            scheduler=Scheduler(clock, self._on_due),
        )
        self._folder: Path | None = None
        self._owns_sandbox = self._owns_store = True
        self._started_at = clock.now()
        self._platform = Platform(store, settings, clock, ids, state.events.publish)
        self._powers = Powers(state.ids)
        self._runs = Runs(state, one_at_a_time=simulated is not None)
        self._firing = Firing(state, self._runs)
        self._registry = Registry(state, self._firing, self._runs.cancel_waiting)
        requests = Requests(state, self, self._platform, self._powers)
        if simulated is None and not virtual_runs:
            self._runs.serve = requests.serve
            self._runs.context = partial(context_of, state)
        else:
            self._runs.serve = serving(requests, self._runs, simulated)
            self._runs.context = partial((simulated or Simulated(0, {})).context, state)
        self._runs.disarm = self._firing.disarm
        self._retention = Retention(state)
        self._runs.concluded = self._retention.count
        self._simulates = simulated is not None
        self._deliveries: asyncio.Task[None] | None = None
        self._due: set[asyncio.Task[None]] = set()
        self._leave_clock: Callable[[], None] = lambda: None
        self._closed = False
        self.clients = 0
        """Open connections, counted by the server."""
        self.served = False
        """Whether it is served until it is stopped, set by the server."""

    @classmethod
    async def open(
        cls,
        folder: Path | None,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        sandbox: Sandbox | None = None,
        virtual_runs: bool = False,
        channels: Sequence[Channel] = (),
    ) -> Self:
        """Open the workspace's folder (None: in memory), take up what was left, and begin to fire.

        Messages go to the inbox, and from there to each of ``channels``.

        With ``virtual_runs`` job code lives in the time of ``clock`` too: it sees it, and
        sleeping waits for it.
        Raises ``WorkspaceLocked`` when another engine owns the folder, ``WorkspaceError``
        when it cannot be used, ``UnsupportedPlatform`` where jobs cannot be run apart.
        """
        clock = clock or SystemClock()
        ids = ids or Ids(clock)
        store = await Store.open(folder, clock=clock, ids=ids)
        try:
            settings = Settings(store.definitions)
            own = sandbox is None
            sandbox = sandbox or Sandbox(
                max_children=settings.values.max_concurrent,
                ceiling=Limits(
                    timeout=settings.values.timeout_ceiling, memory=settings.values.memory_limit
                ),
            )
            if own:
                await sandbox.__aenter__()
        except BaseException:
            await store.aclose()
            raise
        engine = cls(store, settings, sandbox, clock=clock, ids=ids, virtual_runs=virtual_runs)
        engine._folder = folder
        engine._owns_sandbox = own
        engine._deliveries = asyncio.create_task(deliver_all(engine._state, channels))
        await engine._start()
        return engine

    async def _start(self) -> None:
        state = self._state
        state.fires.update(await state.store.history.fires())
        state.last.update(await state.store.history.last_executions())
        await self._platform.ensure_user(state.settings.values.default_user)
        state.scheduler.start()
        if isinstance(state.clock, VirtualClock):
            self._leave_clock = state.clock.join(self._settle)
        await self._runs.recover()
        for record in state.store.definitions.jobs():
            await self._firing.mend(record)
            self._firing.arm(record)
        if not self._simulates:  # a simulation tells all, and is over soon
            self._retention.start()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self, *, grace: float = 0.0) -> None:
        """End: fire nothing more, give running jobs ``grace`` seconds, then end them and close."""
        if self._closed:
            return
        self._closed = True
        self._state.scheduler.shutdown()
        self._leave_clock()
        if self._due:
            await asyncio.wait(self._due)
        if grace:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._runs.idle(), grace)
        async with contextlib.AsyncExitStack() as ends:  # whatever fails, the rest is closed
            if self._owns_store:
                ends.push_async_callback(self._state.store.aclose)
            if self._owns_sandbox:
                ends.push_async_callback(self._state.sandbox.__aexit__, None, None, None)
            ends.push_async_callback(self._end_followers)
            await self._runs.abandon_all()

    async def _end_followers(self) -> None:
        self._powers.close()
        self._state.events.close()
        await self._retention.stop()
        if self._deliveries is not None:
            await asyncio.wait([self._deliveries], timeout=LAST_DELIVERIES)
            self._deliveries.cancel()  # a channel is anybody's code, and may never return
            await asyncio.wait([self._deliveries])

    # Firing

    def _on_due(self, key: str, times: list[datetime], omitted: int) -> None:
        if key.startswith("exec_"):
            self._runs.resume(key)
            return
        task = asyncio.create_task(self._fire(key, times, omitted))
        self._due.add(task)
        task.add_done_callback(self._due.discard)

    async def _fire(self, job_id: str, times: list[datetime], omitted: int) -> None:
        try:
            await self._firing.due(job_id, times, omitted)
        except WorkspaceError:
            # The claim could not be written, so the fire is not lost: it is due again.
            await asyncio.sleep(5.0)
            record = self._state.store.definitions.job(job_id)
            if record is not None and not self._closed:
                self._firing.arm(record)

    async def _settle(self) -> None:
        """Return once nothing that is due at this instant is left to do."""
        while True:
            await self._state.scheduler.settle()
            if self._due:
                await asyncio.wait(self._due)
                continue
            await self._runs.idle()
            if not self._due:
                return

    def busy(self) -> str | None:
        """Say why the engine must stay, or return None when it need not."""
        running, waiting = self._runs.counts()
        if running:
            return f"{running} running"
        if waiting:
            return f"{waiting} waiting to run again"
        upcoming = self._next_fire()
        if upcoming is not None:
            return f"a job fires at {upcoming.isoformat(timespec='seconds')}"
        return None

    def _next_fire(self) -> datetime | None:
        return min(self._state.next_fires.values(), default=None)

    # The engine itself

    async def status(self) -> EngineStatus:
        jobs = [job for job in self._state.store.definitions.jobs() if not job.deleted]
        running, waiting = self._runs.counts()
        return EngineStatus(
            version=luajobs_kit.__version__,
            workspace=str(self._folder) if self._folder else None,
            pid=os.getpid(),
            started_at=self._started_at,
            now=self._state.clock.now(),
            epoch=self._state.events.epoch,
            jobs=len(jobs),
            active_jobs=len(self._state.next_fires),
            running=running,
            waiting=waiting,
            next_fire_at=self._next_fire(),
            clients=self.clients,
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
        found = [
            Finding(
                topic="sandbox",
                name=wall.name,
                holds=wall.holds,
                says=f"stops {wall.stops}" + (f" ({wall.note})" if wall.note else ""),
            )
            for wall in await doctor.report()
        ]
        note = doctor.platform_note()
        if note:
            found.append(Finding(topic="platform", name=sys.platform, holds=False, says=note))
        lost = self._state.store.findings
        found += [Finding(topic="store", name="recovery", holds=False, says=each) for each in lost]
        if not lost:
            says = "nothing was lost"
            found.append(Finding(topic="store", name="recovery", holds=True, says=says))
        return found

    async def settings(self, changes: dict[str, Any] | None = None) -> dict[str, Any]:
        if changes:
            await self._state.settings.change(changes)
            await self._platform.ensure_user(self._state.settings.values.default_user)
        return self._state.settings.values.model_dump(mode="json")

    async def export_workspace(self, file: str | None = None) -> dict[str, Any]:
        if file is None:
            return await export_store(self._state.store)
        return dict(await export_archive(self._state.store, Path(file)))

    async def import_workspace(
        self, exported: dict[str, Any] | None = None, file: str | None = None
    ) -> dict[str, int]:
        state = self._state
        check = state.settings.check
        if file is None:
            counts = await import_store(state.store, exported, check)
        else:
            counts = await import_file(state.store, Path(file), check)
        state.fires.update(await state.store.history.fires())
        state.last.update(await state.store.history.last_executions())
        state.settings.read()
        for record in state.store.definitions.jobs():
            self._firing.arm(record)
            state.announce(record)
        return counts

    # Jobs

    async def create_job(self, spec: JobSpec, *, key: str | None = None) -> Job:
        user_id = self._acting()
        await self._platform.ensure_user(user_id)
        return await self._registry.create(spec, user_id, key)

    async def get_job(self, job_id: str) -> Job:
        return show(self._state, self._registry.record(job_id))

    async def find_job(self, name: str) -> Job:
        return self._registry.find(name, self._acting())

    async def list_jobs(
        self, *, include_dynamic: bool = False, include_deleted: bool = False
    ) -> list[Job]:
        return self._registry.list_jobs(
            include_dynamic=include_dynamic, include_deleted=include_deleted
        )

    async def activate_job(self, job_id: str) -> Job:
        return await self._registry.activate(job_id)

    async def deactivate_job(self, job_id: str) -> Job:
        return await self._registry.deactivate(job_id)

    async def delete_job(self, job_id: str, *, force: bool = False) -> Deletion:
        return await self._registry.delete(job_id, force=force)

    async def trigger_job(
        self, job_id: str, version_id: str | None = None, *, key: str | None = None
    ) -> Execution:
        record = self._registry.record(job_id)
        version = (
            self._registry.version(job_id, version_id)
            if version_id
            else active_version(self._state, record)
        )
        execution = new_execution(self._state, record, version, cause="manual")
        return await self._runs.claim(execution, version, key=key)

    async def update_metadata(self, job_id: str, changes: dict[str, Any]) -> Job:
        return await self._registry.update_metadata(job_id, changes)

    async def push_version(
        self, job_id: str, spec: VersionSpec, *, key: str | None = None
    ) -> JobVersion:
        return await self._registry.push(job_id, spec, key)

    async def publish_version(self, job_id: str, version: str) -> Job:
        return await self._registry.publish(job_id, version)

    async def next_runs(self, job_id: str, count: int = 5) -> list[datetime]:
        record = self._registry.record(job_id)
        fire = self._state.fire(record)
        fires = fires_after(
            active_version(self._state, record).schedule,
            self._state.clock.now(),
            armed_at=fire.armed_at,
        )
        return [time for _, time in zip(range(_within(count)), fires, strict=False)]

    async def preview(
        self, schedule: Schedule, count: int = 5, start: datetime | None = None
    ) -> list[datetime]:
        now = self._state.clock.now()
        checked = parse_schedule(schedule, now=now, check_past=False)
        return preview(checked, _within(count), start or now)

    async def simulate(
        self,
        until: datetime,
        *,
        job_id: str | None = None,
        seed: int = 0,
        responses: dict[str, Any] | None = None,
        max_fires: int = 1_000,
    ) -> Simulation:
        state = self._state
        start = state.clock.now()
        check_bounds(start, until, max_fires)
        if job_id is not None:
            self._registry.record(job_id)
        clock = VirtualClock(start)
        ids = Ids(clock, random.Random(seed).randbytes)  # noqa: S311 - repeatable on purpose
        simulated = Simulated(seed, responses or {})
        async with (
            await Store.open(None, clock=clock, ids=ids) as copy,
            # Its own: with the seed, the order of sets repeats as well.
            Sandbox(
                hash_seed=seed % 2**32,
                ceiling=Limits(memory=state.settings.values.memory_limit),
            ) as sandbox,
        ):
            await fill(copy, state.store, state.fires, only=job_id)
            engine = Engine(
                copy,
                Settings(copy.definitions),
                sandbox,
                clock=clock,
                ids=ids,
                simulated=simulated,
            )
            engine._owns_sandbox = engine._owns_store = False
            recorder = Recorder(engine.events(), max_fires)
            recording = asyncio.create_task(recorder.run())
            await engine._start()
            await clock.advance()  # until everybody waits
            while not recorder.full.is_set() and await clock.step(until):
                continue
            if not recorder.full.is_set():
                await clock.advance(until=until)
            engine._state.events.close()
            await recording
            # Before the engine ends: what runs at the end is still running.
            found = await report(
                state.store, copy, recorder, start=start, end=clock.now(), seed=seed
            )
            await engine.aclose()
            return found.evolve(refused=simulated.refused)

    # Executions

    async def list_executions(
        self,
        job_id: str | None = None,
        *,
        status: ExecutionStatus | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> ExecutionPage:
        return await self._state.store.history.executions(
            job_id=job_id, status=status, limit=_within(limit), offset=max(0, offset)
        )

    async def get_execution(self, execution_id: str) -> Execution:
        execution = await self._state.store.history.execution(execution_id)
        if execution is None:
            raise NotFound(f"There is no execution {execution_id!r}.", execution_id=execution_id)
        return execution

    async def wait_execution(self, execution_id: str, timeout: float = 30.0) -> Execution:  # noqa: ASYNC109 - see Port
        await self._runs.wait(execution_id, timeout)
        return await self.get_execution(execution_id)

    async def cancel_execution(self, execution_id: str) -> Execution:
        await self._runs.cancel(execution_id)
        return await self.get_execution(execution_id)

    # Logs and events

    async def logs(self, query: LogQuery) -> LogPage:
        return await self._state.store.history.logs(
            query.evolve(limit=_within(query.limit), page=max(1, query.page))
        )

    async def write_log(self, line: LogLine) -> LogLine:
        kept = self._state.store.history.write_log(line)
        self._state.events.publish(LogWritten(at=kept.timestamp, line=kept))
        return kept

    def events(self, after: str | None = None) -> AsyncIterator[Event]:
        return self._state.events.follow(after)

    # Platform and powers

    async def call(self, verb: str, arguments: dict[str, Any], *, key: str | None = None) -> Any:
        user_id = self._acting()
        await self._platform.ensure_user(user_id)
        return await self._platform.call(verb, arguments, Caller(user_id=user_id), key=key)

    def offer(self, powers: list[PowerOffer]) -> AsyncIterator[PowerCall]:
        return self._powers.offer(powers)

    async def tools(self) -> list[PowerOffer]:
        return self._powers.offered()

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> Any:
        return await self._powers.ask(name, arguments, user_id=self._acting())

    async def answer(
        self, call_id: str, value: Any = None, error: dict[str, Any] | None = None
    ) -> None:
        self._powers.answer(call_id, value, error)

    def _acting(self) -> str:
        return acting_user() or self._state.settings.values.default_user


def _within(count: int) -> int:
    if not 1 <= count <= 1_000:
        raise InvalidInput(f"{count} is outside 1 to 1000.")
    return count
