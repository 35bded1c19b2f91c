"""Next week, in seconds, on a copy."""

import asyncio
import gc
from datetime import timedelta

import pytest

from luajobs_kit.engine import Engine
from luajobs_kit.engine.simulation import simulation
from luajobs_kit.errors import InvalidInput, LuaJobsError, NotFound
from luajobs_kit.model import CronSchedule, IntervalSchedule, OnceSchedule, Retry

DAILY = CronSchedule(expression="0 9 * * *")
YEARLY = CronSchedule(expression="0 9 1 1 *")


async def simulated(engine, clock, *, days=0, hours=0, **given):
    return await engine.simulate(clock.now() + timedelta(days=days, hours=hours), **given)


async def test_a_week_of_fires_runs_in_virtual_time_and_changes_nothing_real(engine, clock, spec):
    job = await engine.create_job(
        spec(
            """
            from datetime import datetime, UTC
            user = await job.user()
            await user.send(datetime.now(UTC).isoformat())
            await Data.create("seen", {"at": datetime.now(UTC).isoformat()})
            await job.update_metadata({"runs": job.metadata.get("runs", 0) + 1})
            return job.metadata["runs"]
            """,
            schedule=DAILY,
        )
    )
    found = await simulated(engine, clock, days=7)
    assert [run.status for run in found.executions] == ["completed"] * 7, found.executions[0].error
    assert [run.result for run in found.executions] == [1, 2, 3, 4, 5, 6, 7]
    assert [message.text[:16] for message in found.messages][:2] == [
        "2026-03-02T09:00",
        "2026-03-03T09:00",
    ]
    assert {change.collection for change in found.changes} == {"seen"}
    assert len(found.changes) == 7
    assert (await engine.list_executions()).total == 0
    assert (await engine.get_job(job.id)).metadata == {}
    assert await engine.call("user.history", {}) == []
    assert (await engine.call("data.get", {"collection": "seen"}))["data"] == []


async def test_sleeping_takes_no_real_time_and_overlaps_play_out(engine, clock, spec):
    await engine.create_job(
        spec("import asyncio\nawait asyncio.sleep(90)", schedule=IntervalSchedule(seconds=60))
    )
    found = await simulated(engine, clock, hours=1)
    assert {run.duration for run in found.executions if run.finished} == {90_000}
    assert [len(found.skipped), len(found.executions)] == [30, 30]
    assert found.executions[-1].status == "running"


async def test_two_sleepers_meet_in_virtual_time(engine, clock, spec):
    body = "import asyncio\nfor _ in range(3):\n    print(job.name)\n    await asyncio.sleep(10)"
    for name in ("a", "b"):
        await engine.create_job(spec(body, name=name, schedule=IntervalSchedule(seconds=600)))
        await clock.advance(seconds=5)
    found = await simulated(engine, clock, hours=0.2)
    assert [line.message for line in found.logs] == ["a", "b"] * 3
    steps = [b.timestamp - a.timestamp for a, b in zip(found.logs, found.logs[1:], strict=False)]
    assert set(steps) == {timedelta(seconds=5)}


async def test_retries_and_a_timeout_play_out(engine, clock, spec):
    await engine.create_job(
        spec(
            "import asyncio\nawait asyncio.sleep(1000)",
            timeout=30,
            schedule=IntervalSchedule(seconds=3600),
            retry=Retry(max_attempts=1, backoff_seconds=60),
        )
    )
    found = await simulated(engine, clock, hours=1.5)
    [run] = found.executions
    assert [attempt.status for attempt in run.attempts] == ["timeout", "timeout"]
    assert run.completed_at - run.fire_time == timedelta(seconds=120)


async def test_what_waits_for_a_retry_is_retried_in_the_simulation_too(engine, clock, spec):
    once = OnceSchedule(execute_at=clock.now() + timedelta(minutes=10))
    retry = Retry(max_attempts=2, backoff_seconds=3600, backoff="fixed")
    await engine.create_job(spec("raise ValueError", schedule=once, retry=retry))
    await clock.advance(minutes=11)
    found = await simulated(engine, clock, days=1)
    [run] = found.executions
    assert [attempt.status for attempt in run.attempts] == ["failed"] * 3
    assert run.completed_at == once.execute_at + timedelta(hours=2)
    assert (await engine.get_execution(run.id)).status == "pending"


async def test_what_is_running_is_left_out_and_named(clock, spec):
    body = "import asyncio\nawait asyncio.sleep(250)"
    async with await Engine.open(None, clock=clock, virtual_runs=True) as engine:
        job = await engine.create_job(spec(body, schedule=IntervalSchedule(seconds=300)))
        other = await engine.create_job(spec(name="other", schedule=YEARLY))
        await clock.advance(seconds=301)
        [running] = (await engine.list_executions(job.id)).executions
        found = await simulated(engine, clock, hours=1)
        assert [run.id for run in found.left_out] == [running.id]
        assert running.id not in {run.id for run in found.executions}
        assert (await simulated(engine, clock, hours=1, job_id=other.id)).left_out == []
        await clock.advance(seconds=250)
        assert (await simulated(engine, clock, hours=1)).left_out == []


async def test_job_code_finds_what_has_run_and_was_sent_before(engine, clock, spec):
    body = """
        user = await job.user()
        earlier = await job.executions()
        sent = await user.get_chat_history()
        await user.send(f"{len(earlier)} runs, {len(sent)} messages")
        """
    job = await engine.create_job(spec(body, schedule=DAILY))
    await clock.advance(days=2)
    found = await simulated(engine, clock, days=2)
    assert [message.text for message in found.messages] == [
        "3 runs, 2 messages",
        "4 runs, 3 messages",
    ]
    assert len(found.executions) == 2
    assert len(await engine.call("user.history", {})) == 2
    assert (await engine.list_executions(job.id)).total == 2


async def test_of_a_large_past_job_code_finds_the_newest_that_fits(
    engine, clock, spec, monkeypatch
):
    monkeypatch.setattr(simulation, "PAST_SIZE", 10_000)
    body = """
        user = await job.user()
        print(len(await job.executions()), len(await user.get_chat_history()))
        await user.send("x" * 4_000)
        return "x" * 2_000
        """
    await engine.create_job(spec(body, schedule=DAILY))
    await clock.advance(days=5)
    found = await simulated(engine, clock, days=1)
    assert [line.message for line in found.logs] == ["3 2"]  # the run itself is one, too
    assert len(found.messages) == 1


async def test_the_same_seed_gives_the_same_week(engine, clock, spec):
    body = """
        import random, uuid, secrets
        print(random.random(), uuid.uuid4(), secrets.token_hex(4), hash("x"))
        return {"n": random.randint(0, 10**9)}
        """
    await engine.create_job(spec(body, schedule=DAILY))
    one = await simulated(engine, clock, days=3, seed=7)
    two = await simulated(engine, clock, days=3, seed=7)
    other = await simulated(engine, clock, days=3, seed=8)
    assert one.to_json() == two.to_json()
    assert [run.result for run in one.executions] != [run.result for run in other.executions]
    assert len({run.result["n"] for run in one.executions}) == 3


async def test_each_run_that_is_triggered_draws_numbers_of_its_own(engine, clock, spec):
    drawing = await engine.create_job(
        spec("import random\nreturn {'n': random.random()}", name="drawing", schedule=YEARLY)
    )
    body = "d = await Jobs.get_job(job.metadata['drawing'])\nawait d.trigger()\nawait d.trigger()"
    await engine.create_job(spec(body, schedule=DAILY, metadata={"drawing": drawing.id}))
    found = await simulated(engine, clock, hours=1)
    drawn = [run.result["n"] for run in found.executions if run.job_name == "drawing"]
    assert len(set(drawn)) == 2


async def test_a_simulation_that_is_given_up_ends_quietly(engine, clock, spec, caplog):
    class GivesUp(dict):
        def __contains__(self, request):
            going_on.cancel()
            return True

    body = "import asyncio\nawait asyncio.sleep(300)\nreturn await tools.any()"
    for number in range(3):
        await engine.create_job(spec(body, name=f"job {number}", overlap="allow", timeout=600))
    responses = GivesUp({"tools.any": 1})
    going_on = asyncio.create_task(simulated(engine, clock, days=300, responses=responses))
    with pytest.raises(asyncio.CancelledError):
        await going_on
    gc.collect()  # a task that ended badly says so when it is collected
    assert caplog.messages == []


async def test_an_engine_that_ends_ends_its_simulation_and_says_so(clock, spec, caplog):
    class Asked(dict):
        def __contains__(self, request):
            ending.append(asyncio.create_task(engine.aclose()))
            return True

    ending = []
    body = "import asyncio\nawait asyncio.sleep(300)\nreturn await tools.any()"
    async with await Engine.open(None, clock=clock) as engine:
        await engine.create_job(spec(body, timeout=600))
        with pytest.raises(LuaJobsError, match="ended before the simulation had"):
            await simulated(engine, clock, days=300, responses=Asked({"tools.any": 1}))
        await asyncio.gather(*ending)
    gc.collect()
    assert caplog.messages == []


async def test_nothing_leaves_the_workspace_unless_answers_are_given(engine, clock, spec):
    await engine.create_job(spec("return await tools.weather(city='Oslo')", schedule=DAILY))
    refused = await simulated(engine, clock, days=1)
    assert refused.executions[0].error.type == "NotAllowed"
    assert refused.refused == ["tools.weather"]
    answered = await simulated(engine, clock, days=1, responses={"tools.*": {"degrees": -3}})
    assert answered.executions[0].result == {"degrees": -3}


async def test_a_bound_on_fires_is_said_when_reached(engine, clock, spec):
    await engine.create_job(spec())
    found = await simulated(engine, clock, days=7, max_fires=5)
    assert (len(found.executions), found.stopped) == (5, "after 5 fires (max_fires)")
    assert found.end == clock.now() + timedelta(minutes=5)


async def test_a_bound_on_fires_holds_for_those_due_at_once_and_those_that_jobs_trigger(
    engine, clock, spec
):
    body = "await job.trigger()"
    for number in range(6):
        await engine.create_job(spec(body, name=f"job {number}", schedule=DAILY))
    found = await simulated(engine, clock, days=3, max_fires=5)
    assert (len(found.executions), found.stopped) == (5, "after 5 fires (max_fires)")
    assert "The simulation ends here" in found.executions[0].error.message
    for wrong in (2.5, "5", 0, True):
        with pytest.raises(InvalidInput, match="whole number from 1 to 10000"):
            await simulated(engine, clock, days=3, max_fires=wrong)


async def test_one_job_alone_can_be_simulated(engine, clock, spec):
    await engine.create_job(spec(name="one", schedule=DAILY))
    two = await engine.create_job(spec(name="two", schedule=DAILY))
    found = await simulated(engine, clock, days=2, job_id=two.id)
    assert [run.job_name for run in found.executions] == ["two", "two"]


async def test_a_simulation_that_cannot_be_run_is_refused(engine, clock):
    with pytest.raises(InvalidInput, match="366 days"):
        await simulated(engine, clock, days=400)
    with pytest.raises(InvalidInput, match="from now"):
        await engine.simulate(clock.now())
    with pytest.raises(InvalidInput, match="seed='x' is no whole number"):
        await simulated(engine, clock, days=1, seed="x")
    with pytest.raises(NotFound):
        await simulated(engine, clock, days=1, job_id="job_none")


async def test_a_simulation_tells_of_every_run_though_history_would_keep_fewer(engine, clock, spec):
    await engine.settings({"keep_executions": 2})
    await engine.create_job(spec())
    found = await engine.simulate(clock.now() + timedelta(minutes=150))
    assert len(found.executions) == 150
