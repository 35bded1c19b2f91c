"""The life of an engine: its parts put together, begun, fired, settled, ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from luajobs_kit.clock import Clock, VirtualClock
from luajobs_kit.engine.delivery import Deliveries
from luajobs_kit.engine.events import Events
from luajobs_kit.engine.jobs.declarations import Declarations
from luajobs_kit.engine.jobs.lookup import JobLookup
from luajobs_kit.engine.jobs.registry import Registry
from luajobs_kit.engine.requests.requests import Requests
from luajobs_kit.engine.requests.tools import ToolBroker
from luajobs_kit.engine.retention_schedule import Retention
from luajobs_kit.engine.runs.activity import Activity, VirtualActivity
from luajobs_kit.engine.runs.attempt import AttemptInputs
from luajobs_kit.engine.runs.runner import Runner
from luajobs_kit.engine.runs.runs import Runs
from luajobs_kit.engine.schedule.firing import AGAIN, Firing
from luajobs_kit.engine.schedule.watermark import Watermarks
from luajobs_kit.engine.simulation.virtual_runs import Simulated, SimulatedRuns, VirtualInputs
from luajobs_kit.engine.state import State
from luajobs_kit.errors import LuaJobsError, NotAllowed, WorkspaceGone
from luajobs_kit.ids import Ids
from luajobs_kit.model import Event, MessageSent
from luajobs_kit.platform import MessageChannel, Platform, Settings
from luajobs_kit.port import Port
from luajobs_kit.store import Store
from luajobs_kit.timing import Scheduler

LAST_DELIVERIES: Final = 5.0  # seconds channels have for the last messages when the engine ends
LOOK: Final = 1.0  # seconds between two looks whether the folder still stands at its path


class Core:
    """What the verbs of an engine are made of; ``port`` is that engine. ``start`` it first.

    What job code asks for is answered by the port. ``simulated`` makes it a simulation's; with
    ``virtual_runs`` job code lives in the time of ``clock``, too. It closes the store when it ends,
    and the runner where it owns it.
    """

    def __init__(
        self,
        port: Port,
        store: Store,
        runner: Runner,
        *,
        clock: Clock,
        ids: Ids,
        events: Events | None = None,
        simulated: Simulated | None = None,
        virtual_runs: bool = False,
        owns_runner: bool = True,
    ) -> None:
        settings = Settings(store.definitions)
        self.state = state = State(
            store=store,
            clock=clock,
            ids=ids,
            events=events or Events(clock),
            settings=settings,
            runner=runner,
            scheduler=Scheduler(clock, self._on_due),
        )
        self.started_at = clock.now()
        self._runner = runner
        self._owns_runner = owns_runner
        self._simulated = simulated
        self._virtual = (
            VirtualActivity(one_at_a_time=simulated is not None)
            if isinstance(clock, VirtualClock)
            else None
        )
        self._retention = Retention(state)
        self.platform = Platform(store, settings, clock, ids, self._tell)
        self.tools = ToolBroker(ids, lambda job_id: self.runs.held_up(job_id))  # noqa: PLW0108 - made later
        self.lookup = JobLookup(state)
        self.requests = Requests(state, port, self.lookup, self.platform, self.tools)
        self.runs = self._runs(virtual=virtual_runs)
        self.firing = Firing(state, self.runs)
        self.watermarks = Watermarks(state, self.firing)
        parts = (state, self.lookup, self.firing)
        self.declarations = Declarations(*parts, self.runs.drop)
        self.registry = Registry(*parts, self.declarations, self.runs.drop)
        self._deliveries: Deliveries | None = None
        self._due: set[asyncio.Task[None]] = set()
        self._leave_clock: Callable[[], None] = lambda: None
        self._ignore_clock: Callable[[], None] = lambda: None
        self._watching: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._on_gone: Callable[[], None] = lambda: None

    def _runs(self, *, virtual: bool) -> Runs:
        state, simulated = self.state, self._simulated
        activity = self._virtual or Activity()
        inputs = (
            VirtualInputs(state, self.requests, activity, simulated)
            if virtual or simulated
            else AttemptInputs(state, self.requests)
        )
        parts = (state, self._runner, inputs, activity, self._retention.count)
        return (
            SimulatedRuns(*parts, simulated=simulated)
            if simulated
            else Runs(*parts, virtual=virtual)
        )

    def apply_settings(self) -> None:
        """Go by the settings as they are now: how many runs work at once, how much is kept."""
        self.runs.apply_concurrency()
        self._retention.ask()

    def when_gone(self, call: Callable[[], None]) -> None:
        """Have ``call()`` end the engine when the folder was removed, moved away or replaced."""
        self._on_gone = call

    async def start(self, channels: Sequence[MessageChannel] = ()) -> None:
        """Take up what was left, and begin to fire; messages go to ``channels``, too."""
        state = self.state
        if channels:
            self._deliveries = Deliveries(state, channels)
        state.fires.update(await state.store.history.fires())
        state.last.update(await state.store.history.last_executions())
        await self.platform.ensure_user(state.settings.values.default_user)
        state.scheduler.start()
        self._ignore_clock = state.clock.when_put_back(self._on_put_back)
        if self._virtual is not None and isinstance(state.clock, VirtualClock):
            self._leave_clock = state.clock.join(partial(self._settle, self._virtual))
        await self.registry.take_along()
        await self.runs.start()
        for job_id in [record.id for record in state.store.definitions.jobs()]:
            # As it now is: the runs that were taken up may switch and delete jobs.
            record = state.store.definitions.job(job_id)
            if record is None:
                continue
            try:
                # A simulation goes on as the engine would that is running.
                if self._simulated is None:
                    await self.watermarks.mend(record)
                await self.firing.arm_as_kept(job_id)
            except (LuaJobsError, ValueError) as error:  # what damage has made of its schedule
                state.store.definitions.report(f"lost: job {record.name} does not fire: {error}")
        if state.store.lock is not None:
            self._watching = asyncio.create_task(self._watch_folder(), name="luajobs folder")
        if self._simulated is None:  # a simulation tells all, and is over soon
            self._retention.start()

    async def _watch_folder(self) -> None:
        while not await self.state.store.is_gone():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(LOOK)
        self._on_gone()

    async def aclose(self, *, grace: float = 0.0) -> None:
        """End: fire nothing more, give running jobs ``grace`` seconds, then end them and close.

        Returns when that is done, whoever asked for it first.
        """
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(grace), name="luajobs end")
        await asyncio.shield(self._ending)

    async def _end(self, grace: float) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self.state.scheduler.shutdown()
        self._leave_clock()
        self._ignore_clock()
        if self._due:
            await asyncio.wait(self._due)
        if grace:
            with contextlib.suppress(TimeoutError):
                ended = self._virtual.idle() if self._virtual else self.runs.idle()
                await asyncio.wait_for(ended, grace)
        async with contextlib.AsyncExitStack() as ends:  # whatever fails, the rest is closed
            ends.push_async_callback(self.state.store.aclose)
            ends.push_async_callback(self.platform.aclose)
            if self._owns_runner:
                ends.push_async_callback(self._runner.aclose)
            ends.push_async_callback(self._end_followers)
            await self.runs.aclose()

    async def _end_followers(self) -> None:
        self.tools.close()
        self.state.events.close()
        await self._retention.stop()
        if self._deliveries is not None:
            await self._deliveries.end(LAST_DELIVERIES)

    def _tell(self, event: Event) -> None:
        self.state.events.publish(event)
        if self._deliveries is not None and isinstance(event, MessageSent):
            self._deliveries.enqueue(event.message)

    # Firing

    def _on_due(self, key: str, times: list[datetime], omitted: int) -> None:
        if key.startswith("exec_"):
            self.runs.resume(key)
            return
        due = (
            self.firing.arm_as_kept(key.removeprefix(AGAIN))
            if key.startswith(AGAIN)
            else self._fire(key, times, omitted)
        )
        task = asyncio.create_task(due)
        self._due.add(task)
        task.add_done_callback(self._due.discard)

    def _on_put_back(self, by: timedelta) -> None:
        self.watermarks.note_put_back(by)
        self.runs.keep_waits(by)
        self.firing.keep_waits()

    async def _fire(self, job_id: str, times: list[datetime], omitted: int) -> None:
        try:
            await self.firing.due(job_id, times, omitted)
        except NotAllowed:
            return  # a simulation that has reached its bound, and ends with this instant
        except WorkspaceGone:
            return  # the engine is leaving

    async def _settle(self, activity: VirtualActivity) -> None:
        """Return once nothing that is due at this instant is left to do."""
        while True:
            # Last of all: a run that rests may just have asked the scheduler to be called.
            await self.state.scheduler.settle()
            if self._due:
                await asyncio.wait(self._due)
            elif activity.busy:
                await activity.idle()
            else:
                return

    def busy(self) -> str | None:
        """Say why the engine must stay, or return None when it need not."""
        running, waiting = self.runs.counts()
        if running:
            return f"{running} running"
        if waiting:
            return f"{waiting} waiting to run again"
        upcoming = self.next_fire()
        if upcoming is not None:
            return f"a job fires at {upcoming.isoformat(timespec='seconds')}"
        if waiting := len(self.state.unrecorded):
            return f"{waiting} job{'s' * (waiting != 1)} whose fires cannot be recorded"
        return None

    def next_fire(self) -> datetime | None:
        """Return when the next of all jobs fires, of those whose fires can be recorded."""
        waiting = self.state.unrecorded
        fires = (when for job_id, when in self.state.next_fires.items() if job_id not in waiting)
        return min(fires, default=None)
