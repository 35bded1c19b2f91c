"""A job is armed anew while a run of its former arming is still under way."""

import asyncio
from datetime import timedelta

import pytest

from luajobs_kit.clock import VirtualClock
from luajobs_kit.engine import Engine
from luajobs_kit.errors import StorageFull
from luajobs_kit.model import OnceSchedule, Retry

NAP = "import asyncio; await asyncio.sleep(60)"


@pytest.fixture
async def engine(clock):
    async with await Engine.open(None, clock=clock, virtual_runs=True) as engine:
        yield engine


def once(when):
    return OnceSchedule(execute_at=when)


async def fires_of(engine, job):
    return [run.fire_time for run in (await engine.list_executions(job.id)).executions][::-1]


@pytest.mark.parametrize("set_back", [0, 70], ids=["at that instant", "the clock set back"])
async def test_a_run_under_way_does_not_switch_off_the_version_made_meanwhile(
    engine, clock, spec, set_back
):
    first = clock.now() + timedelta(minutes=10)
    second = clock.now() + timedelta(minutes=40)
    await engine.create_job(spec(NAP, schedule=once(first)))
    await clock.advance(minutes=10)
    await clock.jump(clock.now() - timedelta(seconds=set_back))
    job = await engine.create_job(spec(schedule=once(second)))
    await clock.advance(hours=1)
    assert await fires_of(engine, job) == [first, second]
    assert (await engine.get_job(job.id)).status == "inactive"


async def test_a_failure_of_the_version_before_does_not_pause_the_new_one(engine, clock, spec):
    slow = f"{NAP}; raise ValueError('no')"
    await engine.create_job(spec(slow, pause_after_failures=1))
    await clock.advance(minutes=1)
    job = await engine.create_job(spec(pause_after_failures=1))
    await clock.advance(minutes=3)
    assert (await engine.get_job(job.id)).status == "active"


async def test_a_once_job_that_sets_its_own_next_time_goes_on(engine, clock, spec):
    body = """
    from datetime import datetime, timedelta, timezone
    from luajobs_kit import Jobs
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    await Jobs.create(
        name=job.name, schedule={"type": "once", "executeAt": later.isoformat()},
        source=job.metadata["source"], entry="execute", metadata=job.metadata,
    )
    """
    soon = clock.now() + timedelta(minutes=5)
    made = spec(body, schedule=once(soon))
    made = made.evolve(metadata={"source": made.bundle.source})
    job = await engine.create_job(made)
    told = await engine.simulate(clock.now() + timedelta(hours=3))
    assert [run.status for run in told.executions] == ["completed"] * 3
    await clock.advance(hours=3)
    assert await fires_of(engine, job) == [soon + timedelta(hours=n) for n in range(3)]


async def test_an_edit_while_an_outcome_is_written_is_not_undone_by_it(
    engine, clock, spec, monkeypatch
):
    job = await engine.create_job(spec(schedule=once(clock.now() + timedelta(minutes=1))))
    history = engine._core.state.store.history
    record, writing, go_on = history.record, asyncio.Event(), asyncio.Event()

    async def slowly(execution, fire=None):
        if execution.finished:
            writing.set()
            await go_on.wait()
        await record(execution, fire)

    monkeypatch.setattr(history, "record", slowly)
    passing = asyncio.create_task(clock.advance(minutes=1))
    await writing.wait()
    later = clock.now() + timedelta(minutes=30)
    edit = asyncio.create_task(engine.create_job(spec("return 2", schedule=once(later))))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(passing, edit)
    await clock.advance(hours=1)
    assert (await fires_of(engine, job))[1:] == [later]


async def test_an_engine_that_dies_in_an_edit_runs_neither_version_twice(
    tmp_path, clock, spec, monkeypatch
):
    soon, later = (clock.now() + timedelta(minutes=n) for n in (1, 30))
    async with await Engine.open(tmp_path / "w", clock=clock) as engine:
        job = await engine.create_job(spec(schedule=once(soon)))
        await clock.advance(minutes=2)

        async def dies(_):
            raise StorageFull("as if it were killed here")

        monkeypatch.setattr(engine._core.state.store.history, "set_fire", dies)
        with pytest.raises(StorageFull):
            await engine.create_job(spec("return 2", schedule=once(later)))
    clock = VirtualClock(clock.now())
    async with await Engine.open(tmp_path / "w", clock=clock) as engine:
        await clock.advance(hours=1)
        assert await fires_of(engine, job) == [soon, later]


async def test_what_an_older_engine_claimed_is_told_by_its_time(tmp_path, clock, spec):
    async with await Engine.open(tmp_path / "w", clock=clock) as engine:
        retry = Retry(max_attempts=1, backoff_seconds=60)
        at = clock.now() + timedelta(minutes=1)
        job = await engine.create_job(spec("raise ValueError", schedule=once(at), retry=retry))
        await clock.advance(minutes=1)
        [run] = (await engine.list_executions(job.id)).executions
        await engine._core.state.store.history.record(run.evolve(armed_at=None))
    clock = VirtualClock(clock.now())
    async with await Engine.open(tmp_path / "w", clock=clock) as engine:
        await clock.advance(minutes=2)
        assert (await engine.get_job(job.id)).status == "failed"


async def test_fires_that_were_not_run_stay_counted(engine, clock, spec):
    job = await engine.create_job(spec(catch_up="none"))
    await clock.jump(clock.now() + timedelta(hours=1))
    skipped = (await engine.get_job(job.id)).skipped_fires
    assert skipped
    await engine.deactivate_job(job.id)
    assert (await engine.activate_job(job.id)).skipped_fires == skipped
    assert (await engine.create_job(spec("return 2"))).skipped_fires == skipped
