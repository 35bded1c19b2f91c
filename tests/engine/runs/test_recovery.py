"""What an engine finds when it starts on a folder that another left, in whatever state."""

import asyncio
from datetime import timedelta

import pytest

from luajobs_kit.clock import VirtualClock
from luajobs_kit.engine import Engine
from luajobs_kit.errors import Conflict
from luajobs_kit.ids import Ids
from luajobs_kit.model import (
    Attempt,
    Execution,
    IntervalSchedule,
    LogQuery,
    OnceSchedule,
    Retry,
)
from luajobs_kit.store import Store


async def left_running(folder, clock, spec, status, **given):
    """Make a job and an execution that a killed engine would leave behind."""
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec(**given))
    store = await Store.open(folder, clock=clock, ids=Ids(clock))
    now = clock.now()
    fire = (await store.history.fires())[job.id].evolve(last_fire=now)
    run = Execution(
        id="exec_left",
        job_id=job.id,
        job_name=job.name,
        version_id=job.active_version.id,
        version="1.0.0",
        user_id=job.user_id,
        cause="schedule",
        fire_time=now,
        created_at=now,
    )
    await store.history.claim(run, fire)
    if status == "running":
        attempt = Attempt(number=1, status="running", started_at=now)
        await store.history.record(run.evolve(status="running", started_at=now, attempts=[attempt]))
    await store.aclose()
    return job


async def test_a_claim_that_never_started_runs_late(folder, clock, spec):
    job = await left_running(folder, clock, spec, "pending")
    later = VirtualClock(clock.now() + timedelta(seconds=40))
    async with await Engine.open(folder, clock=later) as engine:
        run = await engine.wait_execution("exec_left")
        assert (run.status, run.lateness, run.job_id) == ("completed", 40, job.id)


async def test_a_run_that_was_under_way_is_abandoned(folder, clock, spec):
    job = await left_running(folder, clock, spec, "running")
    async with await Engine.open(folder, clock=clock) as engine:
        run = await engine.get_execution("exec_left")
        assert (run.status, run.attempts[0].status) == ("abandoned", "abandoned")
        assert "how far it got" in run.error.message
        assert (await engine.list_executions(job.id)).total == 1


async def test_an_abandoned_run_is_retried_if_the_job_has_retries(folder, clock, spec):
    await left_running(
        folder, clock, spec, "running", retry=Retry(max_attempts=1, backoff_seconds=10)
    )
    later = VirtualClock(clock.now())
    async with await Engine.open(folder, clock=later) as engine:
        assert (await engine.get_execution("exec_left")).status == "pending"
        await later.advance(seconds=10)
        run = await engine.get_execution("exec_left")
        assert [attempt.status for attempt in run.attempts] == ["abandoned", "completed"]


async def test_a_waiting_retry_survives_a_restart(folder, clock, spec):
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(
            spec(
                "raise ValueError(job.execution.attempt)",
                retry=Retry(max_attempts=1, backoff_seconds=60),
            )
        )
        run = await engine.trigger_job(job.id)
        await clock.advance(seconds=20)
    later = VirtualClock(clock.now())
    async with await Engine.open(folder, clock=later) as engine:
        await later.advance(seconds=39)
        assert (await engine.get_execution(run.id)).status == "pending"
        await later.advance(seconds=1)
        assert len((await engine.get_execution(run.id)).attempts) == 2


@pytest.mark.parametrize(
    ("catch_up", "runs", "skipped"), [("once", 1, 4), ("all", 5, 0), ("none", 0, 5)]
)
async def test_fires_missed_while_no_engine_ran(folder, clock, spec, catch_up, runs, skipped):
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec(catch_up=catch_up))
    later = VirtualClock(clock.now() + timedelta(minutes=5, seconds=45))
    async with await Engine.open(folder, clock=later) as engine:
        await later.advance(seconds=0)
        found = (await engine.list_executions(job.id)).executions
        assert ([run.cause for run in found], (await engine.get_job(job.id)).skipped_fires) == (
            ["catch_up"] * runs,
            skipped,
        )
        assert all(run.lateness >= 45 for run in found)
        notes = (await engine.logs(LogQuery(job_id=job.id, level="warn"))).logs
        assert bool(notes) == bool(skipped)


async def test_a_once_job_whose_time_passed_meanwhile_runs_late_and_only_once(folder, clock, spec):
    when = clock.now() + timedelta(minutes=1)
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec(schedule=OnceSchedule(execute_at=when)))
    later = VirtualClock(clock.now() + timedelta(hours=2))
    async with await Engine.open(folder, clock=later) as engine:
        await later.advance(seconds=0)
        [run] = (await engine.list_executions(job.id)).executions
        assert (run.status, run.cause, run.lateness) == ("completed", "catch_up", 7140)
    async with await Engine.open(folder, clock=VirtualClock(later.now())) as engine:
        assert (await engine.list_executions(job.id)).total == 1
        assert (await engine.get_job(job.id)).status == "inactive"


async def test_a_lost_watermark_catches_nothing_up_and_doctor_says_so(folder, clock, spec):
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec())
    for file in folder.glob("history.db*"):
        file.unlink()
    later = VirtualClock(clock.now() + timedelta(minutes=10))
    async with await Engine.open(folder, clock=later) as engine:
        await later.advance(seconds=30)
        assert (await engine.list_executions(job.id)).total == 0
        assert any("nothing is caught up" in finding.says for finding in await engine.doctor())


async def test_a_job_whose_version_was_damaged_stays_and_is_made_whole_by_creating_it_again(
    folder, clock, spec
):
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec())
        await engine.settings({"keep_days": 30})
    snapshot = folder / "definitions.json"
    text = snapshot.read_text().replace('"bundle"', '"bumdle"').replace("keep_days", "keep_dayz")
    snapshot.write_text(text)
    async with await Engine.open(folder, clock=VirtualClock(clock.now())) as engine:
        told = " ".join(finding.says for finding in await engine.doctor() if not finding.holds)
        assert f"lost: the active version of job {job.name}" in told
        assert "lost: setting keep_dayz" in told
        assert [each.id for each in await engine.list_jobs(include_dynamic=True)] == [job.id]
        with pytest.raises(Conflict, match="active version of"):
            await engine.trigger_job(job.id)
        again = await engine.create_job(spec())
        assert (again.id, again.next_run_at is not None) == (job.id, True)


async def test_metadata_history_and_messages_are_there_after_a_restart(folder, clock, spec):
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(
            spec(
                "await job.update_metadata({'n': 1}); await (await job.user()).send('hi'); print('kept')"
            )
        )
        await engine.wait_execution((await engine.trigger_job(job.id)).id)
    async with await Engine.open(folder, clock=VirtualClock(clock.now())) as engine:
        assert (await engine.get_job(job.id)).metadata == {"n": 1}
        assert len(await engine.call("user.history", {})) == 1
        assert [line.message for line in (await engine.logs(LogQuery(job_id=job.id))).logs] == [
            "kept"
        ]


async def test_a_once_job_whose_record_was_lost_does_not_run_again(folder, clock, spec):
    when = clock.now() + timedelta(minutes=1)
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec(schedule=OnceSchedule(execute_at=when)))
        await clock.advance(minutes=2)
    for file in folder.glob("history.db*"):
        file.unlink()
    later = VirtualClock(clock.now())
    async with await Engine.open(folder, clock=later) as engine:
        await later.advance(minutes=1)
        assert (await engine.list_executions(job.id)).total == 0
        assert (await engine.get_job(job.id)).status == "inactive"


async def test_the_oldest_history_beyond_the_bound_is_dropped(folder, clock, spec):
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec())
        await clock.advance(minutes=5)
        await engine.settings({"keep_executions": 2})
    async with await Engine.open(folder, clock=VirtualClock(clock.now())) as engine:
        while (await engine.list_executions(job.id)).total > 2:  # noqa: ASYNC110 - dropping has no event
            await asyncio.sleep(0)
        newest = (await engine.list_executions(job.id)).executions
        assert [run.fire_time for run in newest] == [
            clock.now(),
            clock.now() - timedelta(minutes=1),
        ]


async def test_all_missed_fires_run_one_after_another_though_claimed_at_one_instant(
    folder, clock, spec
):
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec(catch_up="all"))
    later = VirtualClock(clock.now() + timedelta(minutes=5, seconds=45))
    async with await Engine.open(folder, clock=later) as engine:
        await later.advance(seconds=0)
        runs = (await engine.list_executions(job.id)).executions
        assert [run.status for run in runs] == ["completed"] * 5


async def test_a_manual_run_ignores_overlap_after_a_restart_too(folder, clock, spec):
    retry = Retry(max_attempts=1, backoff_seconds=3600)
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec("raise ValueError", retry=retry))
        await clock.advance(seconds=60)  # its fire fails, and waits for an hour
    store = await Store.open(folder, clock=clock, ids=Ids(clock))
    [waits] = await store.history.unfinished()
    by_hand = Execution(
        id="exec_by_hand", cause="manual", created_at=clock.now(),
        **waits.model_dump(include={"job_id", "job_name", "version_id", "version", "user_id"}),
    )  # fmt: skip
    await store.history.claim(by_hand, None)
    await store.aclose()
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(seconds=0)
        runs = (await engine.list_executions(job.id)).executions
        assert {run.id: len(run.attempts) for run in runs} == {waits.id: 1, by_hand.id: 1}
        assert waits.alone


async def test_a_manual_run_that_waits_for_its_retry_ignores_overlap_after_a_restart(
    folder, clock, spec
):
    retry = Retry(max_attempts=1, backoff_seconds=3600)
    body = "if job.execution.attempt == 1: raise ValueError"
    async with await Engine.open(folder, clock=clock) as engine:
        schedule = IntervalSchedule(seconds=1800)
        job = await engine.create_job(spec(body, schedule=schedule, retry=retry, overlap="queue"))
        await clock.advance(minutes=29)
        by_hand = await engine.trigger_job(job.id)
        await clock.advance(minutes=1)
        again = await engine.trigger_job(job.id)
        await clock.advance(seconds=1)
    later = VirtualClock(clock.now())
    async with await Engine.open(folder, clock=later) as engine:
        await later.advance(minutes=59)
        assert (await engine.get_execution(by_hand.id)).status == "completed"
        await later.advance(minutes=1)
        assert (await engine.get_execution(again.id)).status == "completed"


async def test_what_waited_its_turn_when_the_engine_left_runs_with_the_next(folder, clock, spec):
    async with await Engine.open(folder, clock=clock) as engine:
        body = "while True: pass"
        job = await engine.create_job(spec(body, overlap="allow", max_concurrent=1))
        first, second = await engine.trigger_job(job.id), await engine.trigger_job(job.id)
        async with asyncio.timeout(30):
            while (await engine.get_execution(first.id)).status != "running":  # noqa: ASYNC110 - it has no event for it
                await asyncio.sleep(0.02)
    store = await Store.open(folder, clock=clock, ids=Ids(clock))
    left = await store.history.unfinished()
    await store.aclose()
    assert [(run.id, run.status, run.attempts) for run in left] == [(second.id, "pending", [])]


async def test_what_a_paused_job_left_waiting_is_not_begun(folder, clock, spec):
    job = await left_running(folder, clock, spec, "pending")
    store = await Store.open(folder, clock=clock, ids=Ids(clock))
    fire = (await store.history.fires())[job.id]
    await store.history.set_fire(fire.evolve(state="paused"))
    await store.aclose()
    async with await Engine.open(folder, clock=clock) as engine:
        run = await engine.wait_execution("exec_left")
        assert (run.status, run.attempts) == ("cancelled", [])
        assert "paused" in run.error.message
        assert (await engine.get_job(job.id)).skipped_fires == 1


@pytest.mark.parametrize("waits_by", [{"jitter": 30}, {"max_concurrent": 1, "overlap": "allow"}])
async def test_what_was_due_and_waited_its_turn_has_it_after_a_restart(
    folder, clock, spec, waits_by
):
    body = "if job.execution.attempt == 1: raise ValueError"
    every_ten = IntervalSchedule(seconds=600)
    given = {"overlap": "queue", "catch_up": "none", "schedule": every_ten} | waits_by
    retry = Retry(max_attempts=1, backoff_seconds=3600)
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec(body, retry=retry, **given))
        await clock.advance(minutes=50)  # the first waits for its retry, the others behind it
    later = VirtualClock(clock.now() + timedelta(hours=2))
    async with await Engine.open(folder, clock=later) as engine:
        await later.advance(hours=10)
        runs = (await engine.list_executions(job.id, limit=1000)).executions[-5:]
        assert [run.status for run in runs] == ["completed"] * 5


async def left_behind(folder, clock, jobs, *executions):
    """Put executions into the history, as a killed engine left them: job, status and what differs."""
    store = await Store.open(folder, clock=clock, ids=Ids(clock))
    for number, (index, status, given) in enumerate(executions):
        job = jobs[index]
        run = Execution(
            id=f"exec_{number}", job_id=job.id, job_name=job.name,
            version_id=job.active_version.id, version="1.0.0", user_id=job.user_id,
            cause="schedule", fire_time=clock.now(), created_at=clock.now(),
        )  # fmt: skip
        await store.history.claim(run, None)
        if status == "running":
            attempt = Attempt(number=1, status="running", started_at=clock.now())
            run = run.evolve(attempts=[attempt], started_at=clock.now())
        await store.history.record(run.evolve(status=status, **given))
    await store.aclose()


async def test_all_that_was_running_is_given_up_before_anything_that_waited_begins(
    folder, clock, spec
):
    retry = Retry(max_attempts=1, backoff_seconds=3600)
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(
            spec(retry=retry, overlap="allow", pause_after_failures=1, max_concurrent=3)
        )
    waited = {"next_attempt_at": clock.now()}  # its time has come
    once_retried = {"retry_count": 1}  # giving this one up is what pauses the job
    await left_behind(
        folder, clock, [job],
        (0, "running", {}), (0, "pending", waited), (0, "running", once_retried), (0, "pending", {}),
    )  # fmt: skip
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(seconds=0)
        found = [await engine.get_execution(f"exec_{number}") for number in range(4)]
        assert [run.status for run in found] == ["pending", "cancelled", "abandoned", "cancelled"]
        assert [run.attempts for run in (found[1], found[3])] == [[], []]


async def test_what_waited_begins_in_the_order_of_the_claims(folder, clock, spec):
    body = "print(job.execution.id)"
    retry = Retry(max_attempts=1, backoff_seconds=3600)
    async with await Engine.open(folder, clock=clock) as engine:
        await engine.settings({"max_concurrent": 1})
        given = {"overlap": "allow", "retry": retry}
        jobs = [await engine.create_job(spec(body, name=name, **given)) for name in ("a", "b")]
    waited = {"next_attempt_at": clock.now()}
    await left_behind(
        folder, clock, jobs,
        (0, "running", {}), (1, "pending", waited), (0, "pending", {}), (1, "pending", {}),
        (0, "pending", waited),
    )  # fmt: skip
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(seconds=0)
        lines = [line.message for line in (await engine.logs(LogQuery(after=0))).logs]
        assert [line for line in lines if line.startswith("exec_")] == [
            f"exec_{number}" for number in (1, 2, 3, 4)
        ]


async def test_what_is_due_later_keeps_its_time_though_the_clock_jumps_at_once(folder, clock, spec):
    body = "print(job.execution.id)"
    async with await Engine.open(folder, clock=clock) as engine:
        await engine.settings({"max_concurrent": 1})
        retry = Retry(max_attempts=1, backoff_seconds=60)
        jobs = [await engine.create_job(spec(body, name=name, retry=retry)) for name in "ab"]
    first, last = ({"next_attempt_at": clock.now() + timedelta(seconds=n)} for n in (10, 20))
    attempted = {"attempts": [Attempt(number=1, status="failed", started_at=clock.now())]}
    await left_behind(
        folder, clock, jobs,
        (0, "pending", attempted | last), (1, "pending", attempted | first),
    )  # fmt: skip
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.jump(clock.now() + timedelta(seconds=30))
        await clock.advance(seconds=0)
        lines = [line.message for line in (await engine.logs(LogQuery(after=0))).logs]
        assert lines == ["exec_1", "exec_0"]  # in the order of their times, not of the claims


async def test_what_was_due_at_the_start_runs_though_the_clock_is_set_back_at_once(
    folder, clock, spec
):
    retry = Retry(max_attempts=1, backoff_seconds=60)
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec(retry=retry))
    attempt = Attempt(number=1, status="failed", started_at=clock.now())
    was_due = {"attempts": [attempt], "next_attempt_at": clock.now() - timedelta(seconds=5)}
    await left_behind(folder, clock, [job], (0, "pending", was_due))
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.jump(clock.now() - timedelta(hours=1))
        run = await engine.get_execution("exec_0")
        assert run.status == "completed"
