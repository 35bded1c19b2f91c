"""How many runs work at once."""

from datetime import timedelta

import pytest

from luajobs_kit.acting_user import acting_as
from luajobs_kit.engine import Engine
from luajobs_kit.model import IntervalSchedule, OnceSchedule

NAP = "import asyncio; await asyncio.sleep(60)"


@pytest.fixture
async def engine(clock):
    async with await Engine.open(None, clock=clock, virtual_runs=True) as engine:
        yield engine


async def sleepers(engine, clock, spec, count):
    soon = OnceSchedule(execute_at=clock.now() + timedelta(seconds=1))
    for number in range(count):
        await engine.create_job(spec(NAP, name=f"job-{number}", schedule=soon))


async def test_virtual_time_goes_on_while_more_runs_sleep_than_there_are_places(
    engine, clock, spec
):
    await engine.settings({"max_concurrent": 1})
    await sleepers(engine, clock, spec, 2)
    await clock.advance(seconds=61)
    assert (await engine.list_executions(status="completed")).total == 1
    await clock.advance(seconds=60)
    runs = (await engine.list_executions(status="completed")).executions
    assert [run.started_at.minute for run in runs] == [1, 0]


async def test_a_simulation_ends_though_more_runs_sleep_than_there_are_places(engine, clock, spec):
    await engine.settings({"max_concurrent": 1})
    await sleepers(engine, clock, spec, 2)
    told = await engine.simulate(clock.now() + timedelta(minutes=5))
    assert [run.status for run in told.executions] == ["completed"] * 2


async def test_a_simulation_has_as_many_places_as_the_setting_says(engine, clock, spec):
    await engine.settings({"max_concurrent": 12})
    await sleepers(engine, clock, spec, 12)
    told = await engine.simulate(clock.now() + timedelta(minutes=5))
    assert {(run.status, run.lateness) for run in told.executions} == {("completed", None)}


async def test_more_runs_begin_at_once_when_the_setting_allows_more(engine, clock, spec):
    await engine.settings({"max_concurrent": 1})
    await sleepers(engine, clock, spec, 3)
    await clock.advance(seconds=2)
    assert (await engine.status()).running == 1
    await engine.settings({"max_concurrent": 2})
    await clock.advance(seconds=1)
    status = await engine.status()
    assert (status.running, status.waiting) == (2, 1)


@pytest.mark.parametrize("places", [1, 3])
async def test_a_job_of_long_runs_falls_behind_alone(engine, clock, spec, places):
    await engine.settings({"max_concurrent": places})
    each_second = {"schedule": IntervalSchedule(seconds=1)}
    nap = "import asyncio; await asyncio.sleep(0.9 * 2 ** job.metadata['n'])"
    hog = spec(
        nap, name="hog", overlap="allow", metadata={"n": places.bit_length() - 1}, **each_second
    )
    await engine.create_job(hog)
    other = await engine.create_job(spec(name="other", overlap="queue", **each_second))
    await clock.advance(seconds=15)
    runs = (await engine.list_executions(other.id)).executions
    assert max(run.started_at - run.fire_time for run in runs if run.started_at) < timedelta(
        seconds=2
    )
    assert sum(run.status == "completed" for run in runs) >= 13


async def test_of_eight_places_two_stay_for_other_jobs(engine, clock, spec):
    every_second = {"schedule": IntervalSchedule(seconds=1), "name": "other"}
    hog = await engine.create_job(spec(NAP, overlap="allow", name="hog"))
    for _ in range(20):
        await engine.trigger_job(hog.id)
    other = await engine.create_job(spec(**every_second))
    await clock.advance(seconds=15)
    assert (await engine.status()).running == 6
    assert (await engine.list_executions(other.id, status="completed")).total == 15
    assert not (await engine.get_job(other.id)).skipped_fires


async def test_one_user_does_not_take_the_places_of_another(engine, clock, spec):
    with acting_as("user_many"):
        await sleepers(engine, clock, spec, 20)
    with acting_as("user_one"):
        quick = spec(name="quick", schedule=IntervalSchedule(seconds=1))
        job = await engine.create_job(quick)
    await clock.advance(seconds=15)
    assert (await engine.status()).running == 6
    assert (await engine.list_executions(job.id, status="completed")).total == 15


async def test_one_user_s_jobs_have_all_places_where_there_is_no_other(engine, clock, spec):
    await sleepers(engine, clock, spec, 20)
    await clock.advance(seconds=2)
    assert (await engine.status()).running == 8


async def test_places_are_given_in_turn_and_to_the_oldest_run_of_a_job(engine, clock, spec):
    await engine.settings({"max_concurrent": 1})
    body = "import asyncio; await asyncio.sleep(1); print(job.name, job.metadata['n'])"
    for user, name, count in (("user_a", "one", 3), ("user_a", "two", 2), ("user_b", "one", 2)):
        with acting_as(user):
            given = {"overlap": "allow", "schedule": IntervalSchedule(seconds=3600)}
            job = await engine.create_job(spec(body, name=name, metadata={"n": user}, **given))
            for _ in range(count):
                await engine.trigger_job(job.id)
    await clock.advance(seconds=10)
    runs = reversed((await engine.list_executions(status="completed")).executions)
    by_start = sorted(runs, key=lambda run: run.started_at)
    assert [(run.user_id, run.job_name) for run in by_start] == [
        ("user_a", "one"), ("user_a", "one"), ("user_b", "one"), ("user_a", "two"),
        ("user_b", "one"), ("user_a", "one"), ("user_a", "two"),
    ]  # fmt: skip
    for job_id in {run.job_id for run in by_start}:
        claims = [run.created_at for run in by_start if run.job_id == job_id]
        assert claims == sorted(claims)


async def test_who_waits_for_a_place_can_be_cancelled(engine, clock, spec):
    await engine.settings({"max_concurrent": 1})
    await sleepers(engine, clock, spec, 3)
    await clock.advance(seconds=2)
    [_, waits] = (await engine.list_executions(status="pending")).executions
    assert (await engine.cancel_execution(waits.id)).status == "cancelled"
    await clock.advance(minutes=5)
    assert (await engine.list_executions(status="completed")).total == 2
