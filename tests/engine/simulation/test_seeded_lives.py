"""Engines that live through anything, drawn by a seed: what must hold of every life."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from luajobs_kit.clock import VirtualClock
from luajobs_kit.engine import Engine
from luajobs_kit.errors import Conflict, NotFound
from luajobs_kit.model import CronSchedule, IntervalSchedule, OnceSchedule, Retry
from luajobs_kit.timing import fires_after

START = datetime(2026, 3, 28, 20, tzinfo=UTC)  # the clocks of Berlin are put forward that night
SEEDS = [*range(2), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 40))]

BODIES = [
    "return 1",
    "import asyncio; await asyncio.sleep(90)",
    "import asyncio; await asyncio.sleep(5000)",
    "raise ValueError",
    "if job.execution.attempt < 2: raise ValueError",
    """
    n = job.metadata.get("n", 0) + 1
    await job.update_metadata({"n": n})
    await Data.create("numbers", {"n": n})
    if n % 4 == 1: await job.trigger()
    if n == 9: await job.deactivate()
    return n
    """,
    """
    import asyncio
    await asyncio.sleep(20)
    await (await job.user()).send(f"after {len(await job.executions())}")
    """,
]


def drawn(chance, spec, name, now):
    """Return the spec of a job of any kind."""
    crons = ["*/5 * * * *", "0 */2 * * *", "15 1,2,3 * * *", "30 2 * * *"]
    schedule = chance.choice(
        [
            IntervalSchedule(seconds=chance.choice([45, 61, 600])),
            OnceSchedule(execute_at=now + timedelta(minutes=chance.choice([10, 50, 200]))),
            CronSchedule(expression=chance.choice(crons), timezone="Europe/Berlin"),
        ]
    )
    retry = Retry(
        max_attempts=chance.choice([0, 0, 2]),
        backoff_seconds=chance.choice([20, 400]),
        backoff=chance.choice(["fixed", "linear", "exponential"]),
    )
    body = chance.choice(BODIES)
    overlap = chance.choice(["skip", "queue", "allow"])
    return spec(
        body,
        name=name,
        schedule=schedule,
        retry=retry,
        overlap=overlap,
        catch_up=chance.choice(["once", "all", "none"]),
        jitter=chance.choice([0, 0, 30, 45 if overlap == "skip" else 100]),
        timeout=chance.choice([30, 300]),
        max_concurrent=chance.choice([None, None, 1, 2]),
        pause_after_failures=chance.choice([None, None, 2]),
    )


async def runs_of(engine, job_id=None):
    found, page = [], None
    while page is None or page.executions:
        page = await engine.list_executions(job_id, limit=1000, offset=len(found))
        found += page.executions
    return found


async def any_clock(chance, clock):
    """Let time pass, the machine sleep, or its clock be put back."""
    kind = chance.random()
    if kind < 0.5:
        await clock.advance(seconds=chance.choice([30, 600, 1800]))
    elif kind < 0.8:
        await clock.jump(clock.now() + timedelta(seconds=chance.choice([5, 40, 3600, 30_000])))
    else:
        await clock.jump(clock.now() - timedelta(seconds=chance.choice([1, 40, 3600])))


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_fire_is_one_run_or_is_counted_whatever_the_clock_does(tmp_path, spec, seed):
    chance = random.Random(seed)
    clock = VirtualClock(START)
    latest = clock.now()
    given = [drawn(chance, spec, f"job {number}", clock.now()) for number in range(4)]
    # A job that pauses, or switches itself off, does not account for what comes then.
    given = [each.evolve(pause_after_failures=None) for each in given]
    given = [each for each in given if "deactivate" not in each.bundle.source]
    for _ in range(3):
        async with await Engine.open(tmp_path / "w", clock=clock, virtual_runs=True) as engine:
            await engine.settings({"keep_executions": 100_000})
            jobs = [await engine.create_job(each) for each in given]
            for _ in range(5):
                await any_clock(chance, clock)
                latest = max(latest, clock.now())
            await clock.advance(seconds=1)
            latest = max(latest, clock.now())
            for each in jobs:
                job = await engine.get_job(each.id)
                runs = await runs_of(engine, job.id)
                fires = [run.fire_time for run in runs if run.fire_time]
                schedule = job.active_version.schedule
                due = []
                for fire in fires_after(schedule, None, armed_at=job.armed_at):
                    if fire > latest:
                        break
                    due.append(fire)
                assert len(set(fires)) == len(fires)
                assert set(fires) <= set(due)
                assert len(fires) + job.skipped_fires == len(due)
        # At most 1,000 fires of a job that are missed at once are counted.
        pause = chance.choice([-3600, -10, 0, 10, 45, 4000, 40_000])
        clock = VirtualClock(clock.now() + timedelta(seconds=pause))
        latest = max(latest, clock.now())


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_run_comes_to_an_end_whatever_is_done_to_its_job(tmp_path, spec, seed):
    chance = random.Random(seed)
    clock = VirtualClock(START)
    for life in range(3):
        async with await Engine.open(tmp_path / "w", clock=clock, virtual_runs=True) as engine:
            await engine.settings({"max_concurrent": chance.choice([1, 2, 8])})
            for number in range(4):
                if life == 0 or chance.random() < 0.3:
                    await engine.create_job(drawn(chance, spec, f"job {number}", clock.now()))
            for _ in range(6):
                await any_clock(chance, clock)
                await anything(chance, engine)
            if life < 2:
                pause = chance.choice([-4 * 86_400, -10, 0, 45, 4000, 90_000])
                clock = VirtualClock(clock.now() + timedelta(seconds=pause))
                continue
            for job in await engine.list_jobs(include_dynamic=True):
                await engine.deactivate_job(job.id)
            await clock.advance(days=30)
            assert {run.status for run in await runs_of(engine) if not run.finished} == set()
            assert (await engine.status()).waiting == 0


async def anything(chance, engine):
    jobs = await engine.list_jobs(include_dynamic=True)
    if not jobs:
        return
    job = chance.choice(jobs)
    waiting = (await engine.list_executions(job.id, status="pending")).executions
    try:
        match chance.randrange(8):
            case 0:
                await engine.trigger_job(job.id)
            case 1:
                await engine.deactivate_job(job.id)
            case 2:
                await engine.activate_job(job.id)
            case 3:
                await engine.delete_job(job.id)
            case 4 if waiting:
                await engine.cancel_execution(chance.choice(waiting).id)
    except (Conflict, NotFound):  # a once-job whose time has passed, say
        return


def told_of(run):
    """What a run did, but for its id."""
    attempts = tuple((each.status, each.started_at, each.completed_at) for each in run.attempts)
    when = (run.created_at, run.fire_time, run.next_attempt_at, run.lateness)
    return repr((run.job_name, run.cause, when, run.status, run.result, attempts))


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_simulation_tells_what_then_happens(spec, seed):
    chance = random.Random(seed)
    clock = VirtualClock(START)
    async with await Engine.open(None, clock=clock, virtual_runs=True) as engine:
        await engine.settings({"max_concurrent": chance.choice([1, 2, 8])})
        for number in range(6):
            given = drawn(chance, spec, f"job {number}", clock.now())
            if "update_metadata" in given.bundle.source:
                # Two runs at once that count would race, in the simulation and then.
                given = given.evolve(max_concurrent=1)
            await engine.create_job(given)
        await clock.advance(minutes=chance.choice([0, 7, 61]))
        running = (await engine.status()).running
        over = {run.id for run in await runs_of(engine) if run.finished}
        sent = len(await engine.call("user.inbox", {"limit": 1000}))
        told = await engine.simulate(clock.now() + timedelta(hours=2), max_fires=5_000)
        assert (len(told.left_out), told.stopped) == (running, None)
        if running:
            return  # it is left out, and what comes of it is not told
        await clock.advance(hours=2)
        came = [run for run in await runs_of(engine) if run.id not in over]
        assert sorted(map(told_of, told.executions)) == sorted(map(told_of, came))
        assert len(await engine.call("user.inbox", {"limit": 1000})) == sent + len(told.messages)
