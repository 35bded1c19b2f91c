"""A clock that was ahead and is put back: between two engines, and while one lives."""

from datetime import timedelta

import pytest

from luajobs_kit.clock import VirtualClock
from luajobs_kit.engine import Engine
from luajobs_kit.ids import Ids
from luajobs_kit.model import (
    CronSchedule,
    IntervalSchedule,
    LogQuery,
    OnceSchedule,
    Retry,
)
from luajobs_kit.store import Put, Store


async def told(engine):
    return " ".join(finding.says for finding in await engine.doctor() if not finding.holds)


@pytest.fixture
async def ahead(folder, clock, spec):
    """A job that an engine made and fired an hour before its clock was put back; returns by how much."""

    async def live(**back):
        behind = VirtualClock(clock.now() - timedelta(**back))
        async with await Engine.open(folder, clock=clock) as engine:
            job = await engine.create_job(spec(schedule=IntervalSchedule(seconds=600)))
            await clock.advance(hours=1)
        return job, behind

    return live


async def test_a_clock_that_was_ahead_by_days_keeps_no_job_from_firing(folder, ahead):
    job, behind = await ahead(days=30)
    async with await Engine.open(folder, clock=behind) as engine:
        assert "The clock was days ahead when 1 job(s) (job) last fired" in await told(engine)
        [line] = (await engine.logs(LogQuery(job_id=job.id, level="warn"))).logs
        assert "up to 2026-03-02T09:00:00+00:00 counted as dealt with" in line.message
        [upcoming] = await engine.next_runs(job.id, 1)
        assert upcoming == behind.now() + timedelta(minutes=10)
        await behind.advance(hours=1)
        assert (await engine.list_executions(job.id)).total == 12
    later = VirtualClock(behind.now())
    async with await Engine.open(folder, clock=later) as engine:  # it is mended for good
        assert "The clock was" not in await told(engine)
        await later.advance(hours=1)
        shown = await engine.get_job(job.id)
        assert ((await engine.list_executions(job.id)).total, shown.skipped_fires) == (18, 0)


async def test_a_clock_that_was_ahead_by_hours_repeats_nothing_and_doctor_says_what_waits(
    folder, ahead
):
    job, behind = await ahead(hours=2)
    async with await Engine.open(folder, clock=behind) as engine:
        says = await told(engine)
        assert "nothing fires before the clock is there again, at 2026-03-02T09:00:00" in says
        await behind.advance(hours=2)
        assert (await engine.list_executions(job.id)).total == 6
        await behind.advance(hours=2)
        fires = [run.fire_time for run in (await engine.list_executions(job.id)).executions]
        assert len(set(fires)) == len(fires) == 12
        assert "The clock was" not in await told(engine)


async def test_a_job_made_while_the_clock_was_ahead_by_days_fires(folder, clock, spec):
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec(schedule=CronSchedule(expression="0 * * * *")))
    behind = VirtualClock(clock.now() - timedelta(days=30))
    async with await Engine.open(folder, clock=behind) as engine:
        await behind.advance(hours=3)
        assert (await engine.list_executions(job.id)).total == 3


async def test_a_once_job_that_fired_while_the_clock_was_ahead_does_not_run_again(
    folder, clock, spec
):
    when = clock.now() + timedelta(minutes=1)
    async with await Engine.open(folder, clock=clock) as engine:
        retry = Retry(max_attempts=1, backoff_seconds=600)
        body = "if job.execution.attempt == 1: raise ValueError"
        given = spec(body, schedule=OnceSchedule(execute_at=when), retry=retry)
        job = await engine.create_job(given)
        await clock.advance(minutes=1)
    behind = VirtualClock(clock.now() - timedelta(days=30))
    async with await Engine.open(folder, clock=behind) as engine:
        await behind.advance(seconds=599)
        [run] = (await engine.list_executions(job.id)).executions
        assert run.next_attempt_at == behind.now() + timedelta(seconds=1)
        await behind.advance(days=40)
        [run] = (await engine.list_executions(job.id)).executions
        assert [attempt.status for attempt in run.attempts] == ["failed", "completed"]
        assert (await engine.get_job(job.id)).status == "inactive"


async def test_a_run_whose_jitter_was_drawn_while_the_clock_was_ahead_waits_no_longer(
    folder, clock, spec
):
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec(jitter=300, overlap="allow"))
        await clock.advance(minutes=1)
        assert (await engine.list_executions(job.id, status="pending")).total == 1
    behind = VirtualClock(clock.now() - timedelta(days=30))
    async with await Engine.open(folder, clock=behind) as engine:
        [waits] = (await engine.list_executions(job.id)).executions
        assert waits.next_attempt_at == behind.now() + timedelta(seconds=300)


async def test_an_engine_that_died_while_it_armed_a_job_after_the_clock_was_put_back_fires_it(
    folder, ahead
):
    job, behind = await ahead(hours=2)
    store = await Store.open(folder, clock=behind, ids=Ids(behind))
    record = store.definitions.job(job.id)
    await store.definitions.commit(Put(record.evolve(armed_at=behind.now())))
    await store.aclose()
    async with await Engine.open(folder, clock=behind) as engine:
        await behind.advance(minutes=10)
        assert (await engine.list_executions(job.id)).total == 7


# While an engine lives


@pytest.mark.parametrize("back", [{"hours": 1}, {"days": 30}, {"seconds": 5}])
async def test_a_retry_waits_as_long_as_it_was_to_though_the_clock_is_put_back(
    folder, clock, spec, back
):
    retry = Retry(max_attempts=1, backoff_seconds=600)
    at = OnceSchedule(execute_at=clock.now() + timedelta(minutes=1))
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec("raise ValueError", schedule=at, retry=retry))
        await clock.advance(minutes=6)  # five of the ten minutes are over
        await clock.jump(clock.now() - timedelta(**back))
        shown = (await engine.get_job(job.id)).last_execution
        [kept] = (await engine.list_executions(job.id)).executions
        due = clock.now() + timedelta(minutes=5)
        assert (kept.next_attempt_at, shown.next_attempt_at) == (due, due)
        assert "The clock was put back by" in await told(engine)
        await clock.advance(seconds=299)
        [run] = (await engine.list_executions(job.id)).executions
        assert run.status == "pending"
        await clock.advance(seconds=1)
        [run] = (await engine.list_executions(job.id)).executions
        assert (run.status, len(run.attempts)) == ("failed", 2)
        assert run.attempts[1].started_at == due
        said = [line.message for line in (await engine.logs(LogQuery(job_id=job.id))).logs]
        assert f"The clock was put back; its wait goes on, until {due.isoformat()}." in said


async def test_a_run_delayed_by_jitter_waits_no_longer_though_the_clock_is_put_back(
    engine, clock, spec
):
    job = await engine.create_job(spec(jitter=300, overlap="allow"))
    await clock.advance(minutes=1)
    [waits] = (await engine.list_executions(job.id)).executions
    left = waits.next_attempt_at - clock.now()
    await clock.jump(clock.now() - timedelta(hours=1))
    await clock.advance(left)
    [run] = (await engine.list_executions(job.id)).executions
    assert (run.status, run.started_at) == ("completed", clock.now())


async def test_a_clock_that_is_put_forward_again_makes_no_retry_wait_twice(engine, clock, spec):
    retry = Retry(max_attempts=1, backoff_seconds=600)
    job = await engine.create_job(spec("raise ValueError", retry=retry))
    await engine.trigger_job(job.id)
    await clock.advance(seconds=1)
    await clock.jump(clock.now() - timedelta(hours=1))
    await clock.jump(clock.now() + timedelta(hours=1))
    [run] = [run for run in (await engine.list_executions(job.id)).executions if not run.fire_time]
    assert (run.status, len(run.attempts)) == ("failed", 2)


async def test_what_runs_asked_for_before_the_clock_was_put_back_is_not_counted_for_an_hour(
    engine, clock, spec
):
    other = await engine.create_job(spec(name="other"))
    body = f"""
    other = await Jobs.get_job({other.id!r})
    for _ in range(6): await other.trigger()
    """
    job = await engine.create_job(spec(body, name="asks"))
    for _ in range(2):
        run = await engine.trigger_job(job.id)
        assert (await engine.wait_execution(run.id)).status == "completed"
        await clock.jump(clock.now() - timedelta(hours=1))
