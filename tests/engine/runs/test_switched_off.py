"""Switching a job off: what waits is cancelled, counted and said; what runs goes on to its end."""

import asyncio
from datetime import timedelta

import pytest

from luajobs_kit.clock import VirtualClock
from luajobs_kit.engine import Engine
from luajobs_kit.model import IntervalSchedule, LogQuery, OnceSchedule, Retry, VersionSpec
from luajobs_kit.timing import jittered as with_jitter

NAP = "import asyncio; await asyncio.sleep(290)"
HOURLY = Retry(max_attempts=5, backoff_seconds=3600)


@pytest.fixture
async def engine(clock):
    async with await Engine.open(None, clock=clock, virtual_runs=True) as engine:
        yield engine


async def runs_of(engine, job):
    return (await engine.list_executions(job.id, limit=1000)).executions[::-1]


async def statuses(engine, job):
    return [run.status for run in await runs_of(engine, job)]


async def said(engine, job):
    return [line.message for line in (await engine.logs(LogQuery(job_id=job.id))).logs]


# One case for each way in which a run can wait. Each gives the job, and how many of its runs wait.


async def waiting_retry(engine, clock, spec):
    job = await engine.create_job(spec("raise ValueError", retry=HOURLY))
    await clock.advance(minutes=1)
    return job, 1


async def waiting_retry_by_hand(engine, clock, spec):
    job = await engine.create_job(spec("raise ValueError", retry=HOURLY))
    await engine.trigger_job(job.id)
    await clock.advance(seconds=1)
    return job, 1


async def waiting_retry_of_a_once_job(engine, clock, spec):
    once = OnceSchedule(execute_at=clock.now() + timedelta(minutes=1))
    job = await engine.create_job(spec("raise ValueError", schedule=once, retry=HOURLY))
    await clock.advance(minutes=1)
    return job, 1


async def catch_ups(engine, clock, spec):
    job = await engine.create_job(spec(NAP, catch_up="all"))
    await clock.jump(clock.now() + timedelta(minutes=100))
    return job, 99


async def queued(engine, clock, spec):
    job = await engine.create_job(spec(NAP, overlap="queue"))
    await clock.advance(minutes=5)
    return job, 4


async def queued_by_hand(engine, clock, spec):
    job = await engine.create_job(spec(NAP, max_concurrent=1))
    for _ in range(3):
        await engine.trigger_job(job.id)
    await clock.advance(seconds=1)
    return job, 2


async def queued_for_the_workspace_s_places(engine, clock, spec):
    await engine.settings({"max_concurrent": 1})
    job = await engine.create_job(spec(NAP, overlap="allow"))
    await clock.advance(minutes=3)
    return job, 2


async def delayed(engine, clock, of):
    """Return a job whose jitter, which follows from its id, is more than a few minutes."""
    while True:
        job = await engine.create_job(of)
        if with_jitter(clock.now(), 86_400, job.id) > clock.now() + timedelta(minutes=10):
            return job
        await engine.delete_job(job.id, force=True)


async def jittered(engine, clock, spec):
    job = await delayed(engine, clock, spec(jitter=86_400, overlap="allow"))
    await clock.advance(minutes=3)
    return job, 3


async def jittered_once(engine, clock, spec):
    once = OnceSchedule(execute_at=clock.now() + timedelta(minutes=1))
    job = await delayed(engine, clock, spec(schedule=once, jitter=86_400))
    await clock.advance(minutes=1)
    return job, 1


WAITING = [
    waiting_retry,
    waiting_retry_by_hand,
    waiting_retry_of_a_once_job,
    catch_ups,
    queued,
    queued_by_hand,
    queued_for_the_workspace_s_places,
    jittered,
    jittered_once,
]


@pytest.mark.parametrize("wait", WAITING)
async def test_deactivating_cancels_what_waits_and_says_how_many(engine, clock, spec, wait):
    job, waiting = await wait(engine, clock, spec)
    off = await engine.deactivate_job(job.id)
    assert (off.cancelled_runs, off.status) == (waiting, "inactive")
    assert (await engine.get_job(job.id)).cancelled_runs is None
    found = await statuses(engine, job)
    assert found.count("cancelled") == waiting
    assert "pending" not in found
    runs = "1 run that waited was" if waiting == 1 else f"{waiting} runs that waited were"
    assert any(line.startswith(f"{runs} cancelled") for line in await said(engine, job))
    begun = sum(len(run.attempts) for run in await runs_of(engine, job))
    await clock.advance(days=2)
    assert sum(len(run.attempts) for run in await runs_of(engine, job)) == begun
    assert set(await statuses(engine, job)) <= {"completed", "cancelled", "timeout"}


@pytest.mark.parametrize("wait", WAITING)
async def test_nothing_that_waited_begins_after_an_engine_died_while_it_cancelled(
    folder, clock, spec, wait, monkeypatch
):
    async with await Engine.open(folder, clock=clock, virtual_runs=True) as engine:
        job, waiting = await wait(engine, clock, spec)

        async def never(_):
            raise asyncio.CancelledError

        with monkeypatch.context() as dying:  # the record is kept, and nothing after it
            dying.setattr(engine._core.registry, "_drop", never)
            with pytest.raises(asyncio.CancelledError):
                await engine.deactivate_job(job.id)
        begun = [len(run.attempts) for run in await runs_of(engine, job)]
    clock = VirtualClock(clock.now() + timedelta(hours=2))
    async with await Engine.open(folder, clock=clock, virtual_runs=True) as engine:
        await clock.advance(days=2)
        found = await runs_of(engine, job)
        assert [len(run.attempts) for run in found] == begun
        assert [run.status for run in found].count("cancelled") == waiting
        assert any("cancelled" in line for line in await said(engine, job))


async def test_a_fire_that_was_cancelled_is_counted_as_not_run_and_told_as_an_event(
    engine, clock, spec
):
    job, waiting = await queued(engine, clock, spec)
    news = engine.events()
    off = await engine.deactivate_job(job.id)
    assert off.skipped_fires == waiting
    async for event in news:
        if event.type == "FireSkipped":
            break
    assert (event.count, event.reason) == (
        waiting,
        "the job was deactivated before they could begin",
    )


@pytest.mark.parametrize("cause", ["schedule", "manual"])
async def test_a_run_under_way_ends_and_is_not_tried_again_while_the_job_is_off(
    engine, clock, spec, cause
):
    job = await engine.create_job(spec(f"{NAP}; raise ValueError", retry=HOURLY))
    if cause == "manual":
        await engine.trigger_job(job.id)
    await clock.advance(minutes=1)
    assert (await engine.deactivate_job(job.id)).cancelled_runs == 0
    await clock.advance(hours=10)
    [run] = (await runs_of(engine, job))[:1]
    assert (run.cause, run.status, len(run.attempts)) == (cause, "failed", 1)
    assert "It is not tried again: the job was deactivated." in await said(engine, job)


async def test_a_run_under_way_is_tried_again_when_the_job_is_on_by_then(engine, clock, spec):
    job = await engine.create_job(
        spec(f"{NAP}; raise ValueError", retry=Retry(max_attempts=1, backoff_seconds=60))
    )
    await clock.advance(minutes=1)
    await engine.deactivate_job(job.id)
    await engine.activate_job(job.id)
    await clock.advance(minutes=25)
    assert len((await runs_of(engine, job))[0].attempts) == 2


async def test_what_is_triggered_while_a_job_is_off_runs_with_its_retries(folder, clock, spec):
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec("raise ValueError", retry=HOURLY))
        await engine.deactivate_job(job.id)
        await engine.trigger_job(job.id)
        await clock.advance(hours=2)
        assert (await engine.deactivate_job(job.id)).cancelled_runs == 0
        [run] = await runs_of(engine, job)
        assert (run.status, len(run.attempts)) == ("pending", 3)
    clock = VirtualClock(clock.now())
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(hours=10)
        [run] = await runs_of(engine, job)
        assert (run.status, len(run.attempts)) == ("failed", 6)


async def test_what_was_triggered_while_a_job_was_off_is_cancelled_when_it_is_switched_off_again(
    engine, clock, spec
):
    job = await engine.create_job(spec("raise ValueError", retry=HOURLY, activate=False))
    await engine.trigger_job(job.id)
    await clock.advance(seconds=1)
    await engine.activate_job(job.id)
    assert (await engine.deactivate_job(job.id)).cancelled_runs == 1  # all at one instant


async def test_a_job_that_switches_itself_off_begins_nothing_more(engine, clock, spec):
    body = """
    import asyncio
    await asyncio.sleep(150)
    off = await job.deactivate()
    await job.update_metadata({"cancelled": off.data["cancelledRuns"]})
    raise ValueError
    """
    job = await engine.create_job(spec(body, overlap="queue", retry=HOURLY))
    await clock.advance(hours=10)
    assert await statuses(engine, job) == ["failed", "cancelled", "cancelled"]
    assert (await engine.get_job(job.id)).metadata == {"cancelled": 2}


async def test_a_simulation_switches_off_as_the_engine_does(engine, clock, spec):
    body = f"{NAP}; await job.deactivate()"
    await engine.create_job(spec(body, overlap="queue"))
    told = await engine.simulate(clock.now() + timedelta(hours=3))
    assert [run.status for run in told.executions] == ["completed", *["cancelled"] * 4]


async def test_switching_off_a_paused_job_cancels_the_retries_that_pausing_left(
    engine, clock, spec
):
    retry = Retry(max_attempts=1, backoff_seconds=3600)
    given = spec("raise ValueError", retry=retry, overlap="allow", pause_after_failures=1)
    job = await engine.create_job(given)
    await clock.advance(minutes=61)
    assert (await engine.get_job(job.id)).status == "paused"
    waiting = (await statuses(engine, job)).count("pending")
    assert waiting
    assert (await engine.deactivate_job(job.id)).cancelled_runs == waiting


async def test_a_catch_up_being_claimed_is_cancelled_whole(folder, clock, spec):
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec(catch_up="all"))
    clock = VirtualClock(clock.now() + timedelta(hours=3))
    async with await Engine.open(folder, clock=clock) as engine:
        news = engine.events()
        passing = asyncio.create_task(clock.advance(seconds=1))
        async for event in news:
            if event.type == "ExecutionClaimed":
                break
        off = await engine.deactivate_job(job.id)
        await passing
        found = await statuses(engine, job)
        assert len(found) == 100
        assert found.count("cancelled") == off.cancelled_runs >= 90


async def test_a_job_switched_off_by_a_run_that_is_taken_up_at_the_start_stays_off(
    folder, clock, spec
):
    async with await Engine.open(folder, clock=clock) as engine:
        daily = IntervalSchedule(seconds=86_400)
        given = spec("raise ValueError", name="other", schedule=daily, retry=HOURLY)
        other = await engine.create_job(given)
        await engine.trigger_job(other.id)
        await clock.advance(seconds=1)
        retry = Retry(max_attempts=1, backoff_seconds=60)
        body = f"""
        if job.execution.attempt == 1: raise ValueError
        await (await Jobs.get_job({other.id!r})).deactivate()
        """
        job = await engine.create_job(spec(body, retry=retry))
        await engine.trigger_job(job.id)
        await clock.advance(seconds=1)
    clock = VirtualClock(clock.now() + timedelta(hours=1, seconds=-30))
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(minutes=10)
        assert await statuses(engine, other) == ["cancelled"]
        assert (await engine.get_job(other.id)).next_run_at is None


# A version that takes another's place


async def test_a_new_version_cancels_what_waits_of_the_one_before(engine, clock, spec):
    job, waiting = await queued(engine, clock, spec)
    changed = await engine.create_job(spec("return 2", overlap="queue"))
    assert (changed.change, changed.cancelled_runs) == ("updated", waiting)
    await clock.advance(minutes=20)
    of_before = [run for run in await runs_of(engine, job) if run.version == "1.0.0"]
    assert [run.status for run in of_before] == ["completed", *["cancelled"] * waiting]


async def test_publishing_cancels_the_retries_of_the_version_before_but_no_run_by_hand(
    engine, clock, spec
):
    job = await engine.create_job(spec("raise ValueError", retry=HOURLY, overlap="allow"))
    await engine.trigger_job(job.id)
    await clock.advance(minutes=1)
    await engine.push_version(
        job.id, VersionSpec(schedule=spec().schedule, bundle=spec("return 2").bundle)
    )
    assert (await engine.publish_version(job.id, "1.0.1")).cancelled_runs == 1
    found = {run.cause: run.status for run in await runs_of(engine, job)}
    assert found == {"schedule": "cancelled", "manual": "pending"}


# Cancelling what there is


async def test_cancelling_a_job_ends_what_runs_and_what_waits_and_leaves_its_schedule(
    engine, clock, spec
):
    job, waiting = await queued(engine, clock, spec)
    ended = await engine.cancel_job(job.id)
    assert (ended.running, ended.waiting, ended.total) == (1, waiting, waiting + 1)
    assert set(await statuses(engine, job)) == {"cancelled"}
    assert all(not run.attempts for run in (await runs_of(engine, job))[1:])
    await clock.advance(minutes=1)
    assert (await statuses(engine, job))[-1] == "running"
    assert (await engine.cancel_job(job.id)).total == 1
    assert (await engine.cancel_job(job.id)).total == 0


@pytest.mark.parametrize("wait", WAITING)
async def test_cancelling_begins_nothing_of_what_waits(engine, clock, spec, wait):
    job, waiting = await wait(engine, clock, spec)
    begun = sum(len(run.attempts) for run in await runs_of(engine, job))
    assert (await engine.cancel_job(job.id)).waiting == waiting
    assert sum(len(run.attempts) for run in await runs_of(engine, job)) == begun


async def test_deleting_says_how_many_waiting_runs_it_cancelled(engine, clock, spec):
    job, _ = await waiting_retry(engine, clock, spec)
    assert (
        "was deleted; 1 run that waited was cancelled;" in (await engine.delete_job(job.id)).message
    )
