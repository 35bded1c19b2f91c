"""Nothing of the past runs because a job is armed: by publishing, importing, switching on, starting."""

import asyncio
import contextlib
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from luajobs_kit.clock import VirtualClock
from luajobs_kit.engine import Engine
from luajobs_kit.errors import Conflict, InvalidInput, NotFound
from luajobs_kit.model import (
    Bundle,
    CronSchedule,
    Declaration,
    IntervalSchedule,
    JobSpec,
    LogQuery,
    OnceSchedule,
    Retry,
    VersionSpec,
)
from luajobs_kit.sandbox import Sandbox

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def in_minutes(clock, minutes, **given):
    return OnceSchedule(execute_at=clock.now() + timedelta(minutes=minutes), **given)


def version_of(spec):
    return VersionSpec(**{name: getattr(spec, name) for name in Declaration.model_fields})


async def fire_times(engine, job):
    return [run.fire_time for run in (await engine.list_executions(job.id)).executions][::-1]


@pytest.fixture
async def done(engine, clock, spec):
    """A once-job that has run, with a version for tomorrow that is the active one."""
    job = await engine.create_job(spec(schedule=in_minutes(clock, 1)))
    await clock.advance(minutes=2)
    tomorrow = spec("return 2", schedule=in_minutes(clock, 24 * 60))
    await engine.push_version(job.id, version_of(tomorrow))
    return await engine.publish_version(job.id, "1.0.1")


async def test_publishing_a_once_version_that_has_run_is_refused_and_changes_nothing(
    engine, clock, done
):
    with pytest.raises(Conflict, match=r"1\.0\.0 of job .* has passed.*trigger\('1\.0\.0'\)"):
        await engine.publish_version(done.id, "1.0.0")
    assert await engine.get_job(done.id) == done.evolve(cancelled_runs=None)
    await clock.advance(days=2)
    assert len(await fire_times(engine, done)) == 2


@pytest.mark.parametrize("after", [None, 60.0], ids=["at a time", "relative to now"])
async def test_a_once_version_whose_time_passed_before_it_was_published_never_runs(
    engine, clock, spec, after
):
    job = await engine.create_job(spec())
    soon = spec(schedule=in_minutes(clock, 1, after=after))
    await engine.push_version(job.id, version_of(soon))
    await clock.advance(minutes=1)
    with pytest.raises(Conflict, match="publishing runs nothing of the past"):
        await engine.publish_version(job.id, "1.0.1")
    assert (await engine.get_job(job.id)).active_version.version == "1.0.0"


async def test_a_job_that_is_off_may_go_back_to_a_once_version_and_stays_off(
    engine, clock, spec, done
):
    await engine.deactivate_job(done.id)
    back = await engine.publish_version(done.id, "1.0.0")
    assert (back.active_version.version, back.status) == ("1.0.0", "inactive")
    with pytest.raises(Conflict, match="has passed"):
        await engine.activate_job(done.id)
    await clock.advance(days=2)
    assert len(await fire_times(engine, done)) == 1


@pytest.mark.parametrize(
    "schedule",
    [
        IntervalSchedule(seconds=60),
        IntervalSchedule(seconds=60, start=START - timedelta(days=1)),
        CronSchedule(expression="* * * * *"),
    ],
    ids=["interval", "interval on a grid", "cron"],
)
async def test_an_older_version_catches_up_nothing_of_the_time_it_was_not_active(
    engine, clock, spec, schedule
):
    job = await engine.create_job(spec(schedule=schedule, catch_up="all"))
    await engine.create_job(spec("return 2", schedule=in_minutes(clock, 600)))
    await clock.advance(minutes=30)
    await engine.publish_version(job.id, "1.0.0")
    published = clock.now()
    await clock.advance(minutes=2)
    assert await fire_times(engine, job) == [published + timedelta(minutes=n) for n in (1, 2)]


async def test_fires_that_were_about_to_be_claimed_are_not_the_next_version_s(engine, clock, spec):
    job = await engine.create_job(spec(catch_up="all"))
    await engine.push_version(job.id, version_of(spec("return 2", catch_up="all")))
    late = [clock.now() + timedelta(minutes=n) for n in (1, 2, 3)]
    await clock.jump(clock.now() + timedelta(seconds=59))
    await clock.jump(clock.now() + timedelta(minutes=5))
    before = await fire_times(engine, job)
    await engine.publish_version(job.id, "1.0.1")
    # As when they were handed over a moment before the version was published.
    await engine._core.firing.due(job.id, late, 7)
    assert await fire_times(engine, job) == before
    assert (await engine.get_job(job.id)).skipped_fires == 0


async def test_a_once_job_made_again_a_moment_after_its_run_is_refused(engine, clock, spec):
    at = in_minutes(clock, 1)
    job = await engine.create_job(spec(schedule=at))
    await clock.advance(seconds=80)
    with pytest.raises(InvalidInput, match=r"was run for it.*once\(seconds=0\)"):
        await engine.create_job(spec("return 'edited'", schedule=at))
    assert len((await engine.get_job(job.id)).versions) == 1
    now = OnceSchedule(execute_at=clock.now(), after=0)
    again = await engine.create_job(spec("return 'edited'", schedule=now))
    await clock.advance(seconds=1)
    assert await fire_times(engine, again) == [at.execute_at, now.execute_at]


async def test_a_hidden_job_that_is_revived_a_moment_after_its_run_does_not_run_again(
    engine, clock, spec
):
    at = in_minutes(clock, 1)
    job = await engine.create_job(spec(schedule=at))
    await engine.push_version(job.id, version_of(spec("return 2", schedule=at)))
    await clock.advance(seconds=80)
    await engine.delete_job(job.id)
    with pytest.raises(InvalidInput, match="was run for it"):
        await engine.create_job(spec(schedule=at))
    await clock.advance(hours=1)
    assert len(await fire_times(engine, job)) == 1


async def test_an_older_export_that_comes_back_runs_nothing_again(engine, clock, spec):
    once, often = spec(schedule=in_minutes(clock, 1)), spec(name="often", catch_up="all")
    job, other = await engine.create_job(once), await engine.create_job(often)
    exported = await engine.export_workspace()
    await clock.advance(minutes=2)
    await engine.create_job(spec("return 2", schedule=in_minutes(clock, 600)))
    await engine.deactivate_job(other.id)
    await clock.advance(minutes=10)
    await engine.import_workspace(exported)
    imported = clock.now()
    await clock.advance(minutes=1)
    back = await engine.get_job(job.id)
    assert (back.active_version.version, back.status) == ("1.0.0", "inactive")
    assert len(await fire_times(engine, job)) == 1
    assert (await fire_times(engine, other))[2:] == [imported + timedelta(minutes=1)]
    [line] = (await engine.logs(LogQuery(job_id=other.id, level="info"))).logs
    assert "counts from now" in line.message


async def test_an_export_runs_nothing_again_of_a_job_that_was_deleted_since(engine, clock, spec):
    job = await engine.create_job(spec(schedule=in_minutes(clock, 1)))
    other = await engine.create_job(spec(name="often", catch_up="all"))
    exported = await engine.export_workspace()
    await clock.advance(minutes=2)
    for each in (job, other):
        await engine.delete_job(each.id, force=True)
    await engine.import_workspace(exported)
    await clock.advance(seconds=1)
    assert len(await fire_times(engine, job)) == 1
    assert (await engine.get_job(job.id)).status == "inactive"
    assert len(await fire_times(engine, other)) == 2


async def test_an_import_without_watermarks_catches_up_nothing(engine, clock, spec):
    job = await engine.create_job(spec(catch_up="all"))
    exported = await engine.export_workspace()
    await clock.advance(minutes=5)
    async with await Engine.open(None, clock=clock) as other:
        await other.import_workspace(exported | {"fires": []})
        await clock.advance(seconds=30)
        assert await fire_times(other, job) == []


async def test_an_import_that_switches_a_job_off_cancels_what_waits(engine, clock, spec):
    retry = Retry(max_attempts=5, backoff_seconds=3600)
    job = await engine.create_job(spec("raise ValueError", retry=retry, activate=False))
    exported = await engine.export_workspace()
    await engine.activate_job(job.id)
    await clock.advance(minutes=1)
    await engine.import_workspace(exported)
    [run] = (await engine.list_executions(job.id)).executions
    assert (run.status, len(run.attempts)) == ("cancelled", 1)


# Any life at all

SCHEDULES = {
    "once soon": lambda now: OnceSchedule(execute_at=now + timedelta(seconds=30)),
    "once just now": lambda now: OnceSchedule(execute_at=now - timedelta(seconds=5)),
    "once relative": lambda now: OnceSchedule(execute_at=now + timedelta(seconds=20), after=20),
    "often": lambda _: IntervalSchedule(seconds=25),
    "cron": lambda _: CronSchedule(expression="* * * * *"),
}
BODIES = ["return 1", "return 2", "raise ValueError"]

declared = st.tuples(
    st.sampled_from(list(SCHEDULES)),
    st.sampled_from(BODIES),
    st.sampled_from(["all", "once"]),
    st.sampled_from([0, 40]),  # jitter, in seconds
)
steps = st.one_of(
    st.tuples(st.sampled_from(["create", "push"]), declared),
    st.tuples(st.just("publish"), st.integers(0, 4)),
    st.tuples(
        st.sampled_from(["advance", "jump", "restart"]), st.sampled_from([1, 10, 29, 61, 200])
    ),
    st.tuples(
        st.sampled_from(["activate", "deactivate", "trigger", "delete", "export", "import"]),
        st.none(),
    ),
)


class Life:
    """A job to which anything is done, and since when which of its versions was armed."""

    def __init__(self, folder, sandbox):
        self.folder, self.sandbox = folder, sandbox
        self.clock = VirtualClock(START)
        self.spans = []  # [version's id or None, armed_at, from, until]
        self.off = []  # [from, until]
        self.exported = None

    async def live(self, script):
        self.engine = await self.open()
        try:
            self.job = await self.engine.create_job(self.spec(("often", "return 1", "all", 0)))
            self.look()
            for verb, argument in script:
                with contextlib.suppress(
                    Conflict, InvalidInput, NotFound
                ):  # refused: nothing has changed
                    await getattr(self, verb)(argument)
                self.look(verb, argument)
            await self.clock.advance(seconds=200)
            self.look()
            await self.judge()
        finally:
            await self.engine.aclose()

    async def open(self):
        return await Engine.open(self.folder, clock=self.clock, sandbox=self.sandbox)

    def spec(self, drawn):
        schedule, body, catch_up, jitter = drawn
        bundle = Bundle(
            source=f"async def execute(job):\n    {body}\n", entry="execute", file="n.py"
        )
        return JobSpec(
            name="job",
            schedule=SCHEDULES[schedule](self.clock.now()),
            bundle=bundle,
            catch_up=catch_up,
            jitter=jitter,
            overlap="queue",
            retry=Retry(max_attempts=2, backoff_seconds=35),
        )

    def look(self, verb=None, argument=None):
        record = self.engine._core.state.store.definitions.job(self.job.id)
        on = record.active and not record.deleted
        now = self.clock.now()
        armed = (record.active_version_id if on else None, record.armed_at)
        if not self.spans or self.spans[-1][:2] != armed:
            # Only who makes a job may give a time that has just passed.
            since = now - timedelta(seconds=60) if verb == "create" else now
            if self.spans:
                self.spans[-1][2][1] = now
            self.spans.append((*armed, [since, datetime.max.replace(tzinfo=UTC)]))
        if not on and (not self.off or self.off[-1][1] is not None):
            self.off.append([now, None])
        elif on and self.off and self.off[-1][1] is None:
            self.off[-1][1] = now

    async def judge(self):
        runs = (await self.engine.list_executions(self.job.id, limit=1000)).executions
        for run in runs:
            if run.cause == "manual":
                continue
            assert any(
                version == run.version_id and since < run.fire_time <= until
                for version, _, (since, until) in self.spans
            ), f"{run.version} ran for {run.fire_time}, when it was not armed: {self.spans}"
            for attempt in run.attempts:
                assert not any(
                    since < attempt.started_at < (until or datetime.max.replace(tzinfo=UTC))
                    for since, until in self.off
                ), f"an attempt began at {attempt.started_at}, when the job was off: {self.off}"
        times = [(run.fire_time, run.armed_at) for run in runs if run.cause != "manual"]
        assert len(set(times)) == len(times)

    async def create(self, drawn):
        await self.engine.create_job(self.spec(drawn))

    async def push(self, drawn):
        await self.engine.push_version(self.job.id, version_of(self.spec(drawn)))

    async def publish(self, number):
        versions = (await self.engine.get_job(self.job.id)).versions
        await self.engine.publish_version(self.job.id, versions[number % len(versions)].id)

    async def advance(self, seconds):
        await self.clock.advance(seconds=seconds)

    async def jump(self, seconds):
        await self.clock.jump(self.clock.now() + timedelta(seconds=seconds))

    async def restart(self, seconds):
        await self.engine.aclose()
        self.clock = VirtualClock(self.clock.now() + timedelta(seconds=seconds))
        self.engine = await self.open()

    async def activate(self, _):
        await self.engine.activate_job(self.job.id)

    async def deactivate(self, _):
        await self.engine.deactivate_job(self.job.id)

    async def trigger(self, _):
        await self.engine.trigger_job(self.job.id)

    async def delete(self, _):
        if len((await self.engine.get_job(self.job.id)).versions) > 1:
            await self.engine.delete_job(self.job.id)

    async def export(self, _):
        self.exported = await self.engine.export_workspace()

    async def import_(self, _):
        if self.exported is not None:
            await self.engine.import_workspace(self.exported)


setattr(Life, "import", Life.import_)


@pytest.fixture
def runner():
    """A loop with a sandbox in it, for all the lives that are drawn."""
    with asyncio.Runner() as runner:
        sandbox = runner.run(Sandbox().__aenter__())
        yield runner, sandbox
        runner.run(sandbox.__aexit__(None, None, None))


@settings(
    max_examples=settings.default.max_examples // 4,  # each runs an engine
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@example(
    [
        ("create", ("once soon", "return 2", "once", 0)),
        ("advance", 61),
        ("push", ("often", "return 2", "once", 0)),
        ("publish", 2),
        ("publish", 1),
    ]
)
@example([("export", None), ("deactivate", None), ("jump", 200), ("import", None)])
@given(st.lists(steps, max_size=12))
def test_every_run_is_of_a_time_when_its_version_was_armed(runner, script):
    loop, sandbox = runner
    with tempfile.TemporaryDirectory() as folder:
        loop.run(Life(Path(folder) / ".luajobs", sandbox).live(script))
