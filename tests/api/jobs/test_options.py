"""Options of ``Jobs.create`` besides the schedule reach the engine, and do there what they say."""

from datetime import timedelta
from itertools import pairwise

import pytest

from luajobs_kit import InvalidInput, Jobs, every


async def execute(job):
    pass


async def fail(job):
    raise ValueError("no")


async def test_every_option_is_part_of_the_version(ws):
    options = {
        "catch_up": "all",
        "overlap": "queue",
        "jitter": 5.0,
        "pause_after_failures": 4,
        "max_concurrent": 2,
    }
    retry = {"maxAttempts": 2, "backoffSeconds": 7, "backoff": "linear"}
    job = await Jobs.create(
        name="job", schedule=every(hours=1), execute=execute, retry=retry, **options
    )
    version = job.data.active_version
    assert {name: getattr(version, name) for name in options} == options
    assert version.retry.to_json() == retry


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [("fixed", [10, 10, 10]), ("linear", [10, 20, 30]), ("exponential", [10, 20, 40])],
)
async def test_the_retries_wait_as_the_backoff_says(ws, clock, backoff, waits):
    job = await Jobs.create(
        name="job",
        schedule=every(hours=1),
        execute=fail,
        retry={"maxAttempts": 3, "backoffSeconds": 10, "backoff": backoff},
    )
    await clock.advance(hours=1, minutes=5)
    [run] = await job.executions()
    started = [attempt.started_at for attempt in run.attempts]
    found = [later - sooner for sooner, later in pairwise(started)]
    assert found == [timedelta(seconds=wait) for wait in waits]


async def test_a_job_that_keeps_failing_is_paused(ws, clock):
    job = await Jobs.create(
        name="job", schedule=every(hours=1), execute=fail, pause_after_failures=3
    )
    await clock.advance(hours=10)
    assert len(await job.executions()) == 3
    assert (await Jobs.get_job("job")).data.status == "paused"


async def test_job_code_lives_in_the_workspace_s_virtual_time(ws, clock):
    async def nap(job):
        import asyncio
        from datetime import UTC, datetime

        begun = datetime.now(UTC)
        await asyncio.sleep(240)
        return [begun.isoformat(), datetime.now(UTC).isoformat()]

    job = await Jobs.create(name="nap", schedule=every(hours=1), execute=nap)
    due = clock.now() + timedelta(hours=1)
    await clock.advance(hours=1, minutes=3)
    assert [run.status for run in await job.executions()] == ["running"]
    await clock.advance(minutes=1)
    [run] = await job.executions()
    assert run.result == [due.isoformat(), (due + timedelta(minutes=4)).isoformat()]
    assert run.data.duration == run.attempts[0].duration == 240_000


@pytest.mark.parametrize(
    "wrong",
    [
        {"overlap": "sometimes"},
        {"catch_up": "twice"},
        {"jitter": -1},
        {"max_concurrent": 0},
        {"pause_after_failures": 0},
        {"retry": {"backoff": "random"}},
    ],
)
async def test_what_no_option_means_is_refused(ws, wrong):
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        await Jobs.create(name="job", schedule=every(hours=1), execute=execute, **wrong)
