"""A run by hand beside the job's schedule: it holds no fire back, and has none skipped."""

from datetime import timedelta

import pytest

from luajobs_kit.clock import VirtualClock
from luajobs_kit.engine import Engine
from luajobs_kit.model import OnceSchedule, Retry

MINUTE = timedelta(minutes=1)
SLOW_BY_HAND = """
import asyncio
if job.execution.fire_time is None:
    await asyncio.sleep(280)
    raise ValueError("by hand")
return "fired"
"""
HOURLY = Retry(max_attempts=3, backoff_seconds=3600)
OVERLAPS = ["skip", "queue", "allow"]


@pytest.fixture
async def engine(clock):
    async with await Engine.open(None, clock=clock, virtual_runs=True) as engine:
        yield engine


async def fires_of(engine, job):
    """Return the fires of the job's schedule that ran, and how late each began."""
    runs = (await engine.list_executions(job.id, limit=1000)).executions[::-1]
    return [(run.fire_time, run.lateness) for run in runs if run.cause != "manual"]


async def told(engine, job):
    assert (await engine.get_job(job.id)).skipped_fires == 0
    return await fires_of(engine, job)


@pytest.mark.parametrize("overlap", OVERLAPS)
async def test_a_run_by_hand_that_goes_on_or_waits_to_be_tried_again_delays_no_fire(
    engine, clock, spec, overlap
):
    start = clock.now()
    job = await engine.create_job(spec(SLOW_BY_HAND, overlap=overlap, retry=HOURLY))
    await engine.trigger_job(job.id)
    await clock.advance(minutes=8)
    on_time = [(start + n * MINUTE, None) for n in range(1, 9)]
    assert await told(engine, job) == on_time


@pytest.mark.parametrize("overlap", OVERLAPS)
async def test_a_once_job_fires_at_its_time_while_a_run_by_hand_waits(engine, clock, spec, overlap):
    at = clock.now() + MINUTE
    job = await engine.create_job(
        spec(SLOW_BY_HAND, schedule=OnceSchedule(execute_at=at), overlap=overlap, retry=HOURLY)
    )
    await engine.trigger_job(job.id)
    await clock.advance(hours=1)
    assert await told(engine, job) == [(at, None)]
    assert (await engine.get_job(job.id)).status == "inactive"


async def test_fires_missed_while_a_run_by_hand_waits_are_caught_up_in_spite_of_it(
    folder, clock, spec
):
    async with await Engine.open(folder, clock=clock, virtual_runs=True) as engine:
        job = await engine.create_job(spec(SLOW_BY_HAND, catch_up="all", retry=HOURLY))
        await engine.trigger_job(job.id)
        await clock.advance(seconds=290)
    clock = VirtualClock(clock.now() + 3 * MINUTE)
    async with await Engine.open(folder, clock=clock, virtual_runs=True) as engine:
        await clock.advance(seconds=10)
        assert len(await told(engine, job)) == 8


async def test_a_thousand_runs_by_hand_that_wait_have_no_fire_skipped(
    engine, clock, spec, monkeypatch
):
    monkeypatch.setattr("luajobs_kit.engine.schedule.firing.MOST_WAITING", 3)
    job = await engine.create_job(spec(SLOW_BY_HAND, overlap="allow", retry=HOURLY))
    for _ in range(4):
        await engine.trigger_job(job.id)
    await clock.advance(minutes=10)
    assert len(await told(engine, job)) == 10


async def test_a_place_that_is_free_goes_to_a_fire_before_runs_by_hand(engine, clock, spec):
    nap = "import asyncio; await asyncio.sleep(100)"
    job = await engine.create_job(spec(nap, overlap="queue", max_concurrent=1))
    for _ in range(3):
        await engine.trigger_job(job.id)
    await clock.advance(seconds=100)
    running = (await engine.list_executions(job.id, status="running")).executions
    assert [run.cause for run in running] == ["schedule"]
