"""An engine is killed at each step of a fire; the next one makes of it what docs/delivery.md says."""

from datetime import timedelta

import pytest

from luajobs_kit.engine import Engine
from luajobs_kit.model import IntervalSchedule, LogQuery, Retry

ABANDONED = ("before the outcome", "after running", "job code runs")


async def only_run(engine):
    [job] = await engine.list_jobs(include_dynamic=True)
    [run] = (await engine.list_executions(job.id)).executions
    return job, run


async def messages(engine):
    found = await engine.call("user.inbox", {"limit": 50})
    return sorted(part["text"] for message in found for part in message["content"])


async def test_a_fire_that_was_not_claimed_is_caught_up(folder, die, spec, soon, later):
    die("before the claim", spec(soon))
    clock = later(hours=1)
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(seconds=0)
        job, run = await only_run(engine)
        assert (run.status, run.cause, run.fire_time) == ("completed", "catch_up", soon.execute_at)
        assert run.lateness == pytest.approx(3600, abs=60)
        assert (job.status, await messages(engine)) == ("inactive", ["attempt 1"])


async def test_a_claimed_fire_runs_late_and_once(folder, die, spec, soon, later):
    die("after the claim", spec(soon))
    clock = later(hours=1)
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(seconds=0)
        job, run = await only_run(engine)
        assert (run.status, run.cause, run.fire_time) == ("completed", "schedule", soon.execute_at)
        assert run.lateness == pytest.approx(3600, abs=60)
        assert (len(run.attempts), await messages(engine)) == (1, ["attempt 1"])
        assert job.status == "inactive"


@pytest.mark.parametrize("step", ABANDONED)
async def test_a_run_that_had_begun_is_abandoned_and_not_repeated(
    folder, die, spec, soon, later, step
):
    waiting = "import asyncio; await asyncio.sleep(600)" if step == "job code runs" else "return 1"
    die(step, spec(soon, body=waiting))
    clock = later(hours=1)
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(hours=1)
        job, run = await only_run(engine)
        assert (run.status, run.error.type, run.retry_count) == ("abandoned", "Abandoned", 0)
        assert (job.status, job.note) == ("failed", "its one run ended as abandoned")
        # What it had done by then is kept.
        done = 0 if step == "after running" else 1
        assert job.metadata == ({"attempt": 1} if done else {})
        assert await messages(engine) == ["attempt 1"] * done


@pytest.mark.parametrize("step", ABANDONED)
async def test_a_run_that_had_begun_is_retried_when_it_may_be(folder, die, spec, soon, later, step):
    waiting = "import asyncio; attempt > 1 or await asyncio.sleep(600)"
    body = waiting if step == "job code runs" else "return attempt"
    die(step, spec(soon, body=body, retry=Retry(max_attempts=1, backoff_seconds=60)))
    clock = later(hours=1)
    async with await Engine.open(folder, clock=clock) as engine:
        _, waits = await only_run(engine)
        assert (waits.status, waits.next_attempt_at) == (
            "pending",
            clock.now() + timedelta(seconds=60),
        )
        await clock.advance(seconds=60)
        job, run = await only_run(engine)
        assert [attempt.status for attempt in run.attempts] == ["abandoned", "completed"]
        assert (run.status, run.retry_count, run.fire_time) == ("completed", 1, soon.execute_at)
        assert (job.status, job.metadata) == ("inactive", {"attempt": 2})
        first = [] if step == "after running" else ["attempt 1"]
        assert await messages(engine) == [*first, "attempt 2"]


async def test_a_recorded_outcome_is_the_end_of_it(folder, die, spec, soon, later):
    die("after the outcome", spec(soon, retry=Retry(max_attempts=3)))
    clock = later(hours=1)
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(hours=1)
        job, run = await only_run(engine)
        assert (run.status, run.result, len(run.attempts)) == ("completed", 1, 1)
        assert (job.status, job.metadata) == ("inactive", {"attempt": 1})
        assert await messages(engine) == ["attempt 1"]
        [line] = (await engine.logs(LogQuery(job_id=job.id))).logs
        assert line.message == "attempt 1"


FAILS_ONCE = "assert attempt > 1, 'not yet'"


async def test_a_retry_that_waits_keeps_its_time(folder, die, spec, soon, later):
    retry = Retry(max_attempts=1, backoff_seconds=3600)
    die("after the retry is planned", spec(soon, body=FAILS_ONCE, retry=retry))
    clock = later(minutes=30)
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(seconds=0)
        _, waits = await only_run(engine)
        assert (waits.status, waits.error.type) == ("pending", "AssertionError")
        due = waits.attempts[0].completed_at + timedelta(hours=1)
        assert waits.next_attempt_at == due
        await clock.advance(until=due - timedelta(seconds=1))
        assert (await only_run(engine))[1] == waits
        await clock.advance(until=due)
        _, run = await only_run(engine)
        assert [(each.status, each.started_at >= due) for each in run.attempts] == [
            ("failed", False),
            ("completed", True),
        ]


async def test_a_retry_whose_time_passed_runs_at_once(folder, die, spec, soon, later):
    retry = Retry(max_attempts=1, backoff_seconds=3600)
    die("after the retry is planned", spec(soon, body=FAILS_ONCE, retry=retry))
    clock = later(hours=3)
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(seconds=0)
        _, run = await only_run(engine)
        assert [attempt.status for attempt in run.attempts] == ["failed", "completed"]
        assert run.attempts[1].started_at == clock.now()


async def test_an_attempt_that_failed_but_was_not_written_down_counts_as_abandoned(
    folder, die, spec, soon, later
):
    retry = Retry(max_attempts=1, backoff_seconds=5)
    die("before the retry is planned", spec(soon, body=FAILS_ONCE, retry=retry))
    clock = later(hours=1)
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(seconds=5)
        _, run = await only_run(engine)
        assert [attempt.status for attempt in run.attempts] == ["abandoned", "completed"]


async def test_every_engine_that_dies_in_the_job_s_code_uses_up_one_retry(
    folder, die, spec, soon, later
):
    body = "import asyncio; attempt > 2 or await asyncio.sleep(600)"
    retry = Retry(max_attempts=2)
    die("job code runs", spec(soon, body=body, retry=retry))
    die("job code runs")
    clock = later(hours=1)
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(seconds=0)
        _, run = await only_run(engine)
        assert [each.status for each in run.attempts] == ["abandoned", "abandoned", "completed"]
        assert await messages(engine) == ["attempt 1", "attempt 2", "attempt 3"]


async def test_an_engine_that_dies_while_it_recovers_is_recovered_from(
    folder, die, spec, soon, later
):
    die("after running", spec(soon, retry=Retry(max_attempts=1, backoff_seconds=60)))
    die("before the retry is planned")
    die("after the retry is planned")
    clock = later(hours=1)
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(seconds=60)
        _, run = await only_run(engine)
        assert [attempt.status for attempt in run.attempts] == ["abandoned", "completed"]


@pytest.mark.parametrize("step", ["before the outcome", "after the outcome"])
async def test_what_waited_never_begins_though_the_engine_died_while_its_job_was_switched_off(
    folder, die, spec, soon, later, step
):
    retry = Retry(max_attempts=5, backoff_seconds=60)
    die(step, spec(soon, body=FAILS_ONCE, retry=retry), deactivate=True)
    clock = later(hours=1)
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(hours=1)
        job, run = await only_run(engine)
        assert (job.status, run.status, len(run.attempts)) == ("inactive", "cancelled", 1)
        assert await messages(engine) == ["attempt 1"]


async def accounted(folder, clock) -> None:
    """Every fire of the interval job is one execution, or is counted as not run."""
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(seconds=0)
        jobs = await engine.list_jobs(include_dynamic=True)
        for job in jobs:  # none, when the engine died before it was kept
            period = timedelta(seconds=job.active_version.schedule.seconds)
            due = (clock.now() - job.armed_at) // period
            runs = (await engine.list_executions(job.id, limit=1000)).executions
            fired = [run.fire_time for run in runs]
            assert len(set(fired)) == len(fired)
            assert all((fire - job.armed_at) % period == timedelta() for fire in fired)
            assert len(fired) + job.skipped_fires == due
            assert {run.status for run in runs} <= {"completed", "abandoned"}
            assert job.next_run_at == job.armed_at + (due + 1) * period


@pytest.mark.parametrize("catch_up", ["all", pytest.param("once", marks=pytest.mark.soak)])
@pytest.mark.parametrize(
    "step",
    [
        "before the claim",
        pytest.param("after the claim", marks=pytest.mark.soak),
        "after running",
        pytest.param("before the outcome", marks=pytest.mark.soak),
        pytest.param("after the outcome", marks=pytest.mark.soak),
    ],
)
async def test_no_fire_of_an_interval_is_doubled_or_lost(folder, die, spec, later, step, catch_up):
    every_second = spec(IntervalSchedule(seconds=1), catch_up=catch_up, overlap="queue")
    die(step, every_second, count=2)
    await accounted(folder, later(minutes=1))


def steps(numbers):
    return [(f"{when} a write", number) for number in numbers for when in ("before", "after")]


SOME = steps([3, 5])


@pytest.mark.parametrize(("step", "count"), SOME)
async def test_a_kill_at_any_write_leaves_every_fire_accounted_for(
    folder, die, spec, later, step, count
):
    die(step, spec(IntervalSchedule(seconds=1)), count=count)
    await accounted(folder, later(minutes=1))


@pytest.mark.soak
@pytest.mark.parametrize(("step", "count"), steps(range(1, 31)))
async def test_a_kill_at_each_of_the_first_writes_leaves_every_fire_accounted_for(
    folder, die, spec, later, step, count
):
    die(step, spec(IntervalSchedule(seconds=1)), count=count)
    await accounted(folder, later(minutes=3))
