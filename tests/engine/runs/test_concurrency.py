"""How many runs work at once."""

from datetime import timedelta

import pytest

from luajobs_kit.engine import Engine
from luajobs_kit.model import OnceSchedule

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


async def test_who_waits_for_a_place_can_be_cancelled(engine, clock, spec):
    await engine.settings({"max_concurrent": 1})
    await sleepers(engine, clock, spec, 3)
    await clock.advance(seconds=2)
    [_, waits] = (await engine.list_executions(status="pending")).executions
    assert (await engine.cancel_execution(waits.id)).status == "cancelled"
    await clock.advance(minutes=5)
    assert (await engine.list_executions(status="completed")).total == 2
