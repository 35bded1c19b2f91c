"""Fires that are due while nothing can be written: none is lost, each is counted, and it is said."""

import resource
from contextlib import contextmanager

import pytest

from luajobs_kit.engine import Engine
from luajobs_kit.errors import StorageFull
from luajobs_kit.model import IntervalSchedule, LogQuery


@contextmanager
def full(engine):
    """Have the database refuse to write inside the block; a disk with no room does no other."""
    database = engine._state.store.database.connection
    database.execute("PRAGMA query_only = 1")
    yield
    database.execute("PRAGMA query_only = 0")


async def runs_of(engine, job):
    page = await engine.list_executions(job.id, limit=1_000)
    return [run for run in page.executions if run.fire_time]


@pytest.mark.parametrize("catch_up", ["none", "once", "all"])
async def test_fires_due_on_a_full_disk_are_run_or_counted(engine, clock, spec, catch_up):
    job = await engine.create_job(spec(schedule=IntervalSchedule(seconds=1), catch_up=catch_up))
    await clock.advance(seconds=3)
    with full(engine):
        await clock.advance(seconds=17.5)
    await clock.advance(seconds=20)
    fires = int((clock.now() - job.created_at).total_seconds())
    after = await engine.deactivate_job(job.id)
    assert len(await runs_of(engine, job)) + after.skipped_fires == fires
    times = [run.fire_time for run in await runs_of(engine, job)]
    assert len(set(times)) == len(times)


async def test_a_job_shows_why_it_waits_and_no_next_fire_that_has_passed(engine, clock, spec):
    job = await engine.create_job(spec(schedule=IntervalSchedule(seconds=1)))
    with full(engine):
        await clock.advance(seconds=2)
        shown = await engine.get_job(job.id)
        assert shown.next_run_at is None
        assert shown.note is not None
        assert (
            "It fires again when its fires can be recorded: the database in memory cannot"
            in shown.note
        )
        status = await engine.status()
        assert status.next_fire_at is None
        assert status.stays == "stays: 1 job whose fires cannot be recorded"
    await clock.advance(seconds=5)
    shown = await engine.get_job(job.id)
    assert (shown.note, shown.next_run_at is not None) == (None, True)
    said = [line.message for line in (await engine.logs(LogQuery(job_id=job.id))).logs]
    assert any("could not be recorded when they were due" in line for line in said)


async def writing(engine):
    (finding,) = [each for each in await engine.doctor() if each.name == "writing"]
    return finding.holds, finding.says


async def test_status_and_doctor_say_that_nothing_can_be_written_until_it_can(engine, clock, spec):
    await engine.create_job(spec(schedule=IntervalSchedule(seconds=1)))
    assert (await engine.status()).unwritten is None
    assert await writing(engine) == (True, "what is kept can be written")
    with full(engine):
        await clock.advance(seconds=2)
        told = (await engine.status()).unwritten
        assert told is not None
        assert "cannot be written" in told
    assert await writing(engine) == (True, "what is kept can be written")
    assert (await engine.status()).unwritten is None


@contextmanager
def files_of_at_most(size):
    """Have the system refuse every write beyond ``size`` bytes of a file, as ``ulimit -f`` does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_bound_on_the_size_of_files_is_said_as_what_it_is(folder, clock, spec):
    with files_of_at_most(1_000), pytest.raises(StorageFull, match="ulimit -f"):
        await Engine.open(folder, clock=clock)
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec(schedule=IntervalSchedule(seconds=1)))
        with files_of_at_most(1_000):
            holds, says = await writing(engine)
            assert not holds
            assert "(File too large). Raise the bound on the size of files (`ulimit -f`)" in says
            assert (await engine.status()).unwritten == says
            with pytest.raises(StorageFull, match="ulimit -f"):
                await engine.trigger_job(job.id)
        assert await writing(engine) == (True, "what is kept can be written")
