"""An older export that comes back over its own workspace: what has fired since is not run again."""

import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luajobs_kit.clock import VirtualClock
from luajobs_kit.engine import Engine
from luajobs_kit.errors import Conflict, InvalidInput
from luajobs_kit.model import Bundle, CronSchedule, IntervalSchedule, JobSpec, OnceSchedule, Retry
from luajobs_kit.sandbox import Sandbox

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NAP = "import asyncio; await asyncio.sleep(90)"


@pytest.fixture
async def engine(clock):
    async with await Engine.open(None, clock=clock, virtual_runs=True) as engine:
        yield engine


def in_minutes(clock, minutes):
    at = clock.now() + timedelta(minutes=minutes)
    return OnceSchedule(execute_at=at, after=60 * minutes)


async def fire_times(engine, job):
    runs = (await engine.list_executions(job.id, limit=1000)).executions
    return [run.fire_time for run in runs if run.cause != "manual"][::-1]


async def test_a_once_job_that_was_set_anew_since_does_not_run_for_its_first_time_again(
    engine, clock, spec
):
    job = await engine.create_job(spec(schedule=in_minutes(clock, 10)))
    exported = await engine.export_workspace()
    await clock.advance(minutes=11)
    assert (await engine.create_job(spec(schedule=in_minutes(clock, 10)))).change == "rearmed"
    await engine.import_workspace(exported)
    await clock.advance(days=1)
    assert await fire_times(engine, job) == [START + timedelta(minutes=10)]


async def test_a_once_job_whose_run_had_not_ended_when_it_was_exported_is_done(engine, clock, spec):
    job = await engine.create_job(spec(NAP, schedule=in_minutes(clock, 10)))
    await clock.advance(minutes=11)
    exported = await engine.export_workspace()
    await clock.advance(minutes=5)
    done = await engine.get_job(job.id)
    await engine.import_workspace(exported)
    assert (await engine.get_job(job.id)).status == done.status == "inactive"


async def test_a_job_that_paused_since_stays_paused(engine, clock, spec):
    job = await engine.create_job(spec(f"{NAP}; raise ValueError", pause_after_failures=1))
    await clock.advance(minutes=1)
    exported = await engine.export_workspace()
    await clock.advance(minutes=5)
    await engine.import_workspace(exported)
    assert (await engine.get_job(job.id)).status == "paused"


async def test_a_job_that_was_paused_when_it_was_exported_comes_back_paused(engine, clock, spec):
    job = await engine.create_job(spec("raise ValueError", pause_after_failures=1))
    await clock.advance(minutes=1)
    exported = await engine.export_workspace()
    await engine.activate_job(job.id)
    await engine.import_workspace(exported)
    back = await engine.get_job(job.id)
    assert (back.status, back.note[:22]) == ("paused", "paused after 1 failure")


async def test_fires_that_were_not_run_since_stay_counted(engine, clock, spec):
    job = await engine.create_job(spec(catch_up="none"))
    exported = await engine.export_workspace()
    await clock.jump(clock.now() + timedelta(minutes=30))
    await engine.create_job(spec("return 2", catch_up="none"))
    skipped = (await engine.get_job(job.id)).skipped_fires
    assert skipped
    await engine.import_workspace(exported)
    assert (await engine.get_job(job.id)).skipped_fires == skipped


async def test_a_fire_that_falls_due_while_the_import_goes_on_runs_once(
    engine, clock, spec, monkeypatch
):
    every_minute = CronSchedule(expression="* * * * *")
    job = await engine.create_job(spec(schedule=every_minute))
    exported = await engine.export_workspace()
    await clock.advance(seconds=10)
    await engine.create_job(spec("return 2", schedule=every_minute))
    entries = engine._core.state.store.entries
    restore = entries.restore

    async def slowly(found):
        await clock.advance(minutes=2)
        return await restore(found)

    monkeypatch.setattr(entries, "restore", slowly)
    await engine.import_workspace(exported)
    await clock.advance(minutes=2)
    assert await fire_times(engine, job) == [START + timedelta(minutes=n) for n in (1, 2, 3, 4)]


async def test_a_job_that_is_deleted_while_the_import_goes_on_catches_up_nothing(
    engine, clock, spec, monkeypatch
):
    job = await engine.create_job(spec(catch_up="all"))
    exported = await engine.export_workspace()
    await clock.advance(minutes=3)
    entries = engine._core.state.store.entries
    restore = entries.restore

    async def deleting(found):
        await engine.delete_job(job.id, force=True)
        return await restore(found)

    monkeypatch.setattr(entries, "restore", deleting)
    await engine.import_workspace(exported)
    await clock.advance(minutes=1)
    assert await fire_times(engine, job) == [START + timedelta(minutes=n) for n in (1, 2, 3, 4)]


# At any instant of any life

SCHEDULES = {
    "once": lambda now: OnceSchedule(execute_at=now + timedelta(seconds=100)),
    "relative": lambda now: OnceSchedule(execute_at=now + timedelta(seconds=70), after=70),
    "at once": lambda now: OnceSchedule(execute_at=now, after=0),
    "often": lambda _: IntervalSchedule(seconds=25),
    "grid": lambda _: IntervalSchedule(seconds=40, start=START - timedelta(days=1)),
    "cron": lambda _: CronSchedule(expression="* * * * *"),
}
BODIES = ["return 1", NAP, "raise ValueError", f"{NAP}; raise ValueError"]
edit = st.tuples(st.just("edit"), st.sampled_from(list(SCHEDULES)), st.sampled_from(BODIES))
doing = st.one_of(
    edit,
    st.tuples(st.just("advance"), st.sampled_from([0, 1, 24, 25, 61, 200])),
    *(
        st.tuples(st.just(verb))
        for verb in ("again", "activate", "deactivate", "publish", "delete", "trigger")
    ),
)
lives = st.tuples(
    edit,
    st.lists(doing, max_size=4),
    st.lists(doing, max_size=5),
    st.sampled_from(["json", "zip"]),
    st.sampled_from(["once", "all"]),
)


class Life:
    """A job that is edited, switched and run, and the workspace it is in, exported and imported."""

    def __init__(self, folder, engine, clock, catch_up):
        self.folder, self.engine, self.clock = folder, engine, clock
        self.catch_up = catch_up
        self.ids = set()
        self.declared = None

    async def edit(self, schedule, body):
        self.declared = schedule, body
        bundle = Bundle(source=f"async def execute(job):\n    {body}\n", entry="execute")
        spec = JobSpec(
            name="job",
            schedule=SCHEDULES[schedule](self.clock.now()),
            bundle=bundle,
            catch_up=self.catch_up,
            retry=Retry(max_attempts=1, backoff_seconds=35),
            pause_after_failures=2,
        )
        self.ids.add((await self.engine.create_job(spec)).id)

    async def again(self):
        await self.edit(*self.declared)

    async def advance(self, seconds):
        await self.clock.advance(seconds=seconds)

    async def do(self, verb, *given):
        if verb in {"edit", "again", "advance"}:
            await getattr(self, verb)(*given)
            return
        for job in await self.engine.list_jobs(include_dynamic=True):
            match verb:
                case "activate":
                    await self.engine.activate_job(job.id)
                case "deactivate":
                    await self.engine.deactivate_job(job.id)
                case "publish":
                    await self.engine.publish_version(job.id, job.versions[0].id)
                case "delete":
                    await self.engine.delete_job(job.id, force=True)
                case "trigger":
                    await self.engine.trigger_job(job.id)

    async def any_of(self, script):
        for verb, *details in script:
            try:
                await self.do(verb, *details)
            except (Conflict, InvalidInput):
                continue

    async def export(self, form):
        if form == "json":
            return {"exported": await self.engine.export_workspace()}
        file = str(self.folder / "all.zip")
        await self.engine.export_workspace(file)
        return {"file": file}

    async def judge(self):
        for job_id in self.ids:
            runs = (await self.engine.list_executions(job_id, limit=1000)).executions
            fires = [run.fire_time for run in runs if run.cause != "manual"]
            assert len(set(fires)) == len(fires)


async def live(sandbox, life):
    first, before, after, form, catch_up = life
    clock = VirtualClock(START)
    opening = Engine.open(None, clock=clock, sandbox=sandbox, virtual_runs=True)
    with tempfile.TemporaryDirectory() as folder:
        async with await opening as engine:
            it = Life(Path(folder), engine, clock, catch_up)
            await it.any_of([first, *before])
            exported = await it.export(form)
            for _ in range(2):
                await it.any_of(after)
                try:
                    await engine.import_workspace(**exported)
                except Conflict:  # it was deleted and made again: another job of that name
                    continue
                await it.advance(70)
                await it.judge()


@settings(
    max_examples=settings.default.max_examples // 2,  # each runs an engine
    suppress_health_check=[HealthCheck.too_slow],
)
@given(lives)
def test_nothing_fires_twice_whatever_was_done_between_an_export_and_its_import(life):
    async def run():
        async with Sandbox() as sandbox:
            await live(sandbox, life)

    asyncio.run(run())
