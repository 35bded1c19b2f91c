"""From due to recorded, on schedule."""

import asyncio
from datetime import timedelta

import pytest

from luajobs_kit.clock import VirtualClock
from luajobs_kit.engine import Engine
from luajobs_kit.engine.schedule import firing
from luajobs_kit.engine.schedule.firing import MISSED_AFTER
from luajobs_kit.errors import InvalidInput, WorkspaceGone
from luajobs_kit.model import (
    CronSchedule,
    ExecutionPage,
    FireSkipped,
    IntervalSchedule,
    LogQuery,
    OnceSchedule,
    Retry,
)
from luajobs_kit.timing import jittered


async def test_a_once_job_runs_at_its_time_and_is_then_inactive(engine, clock, spec):
    when = clock.now() + timedelta(minutes=10)
    job = await engine.create_job(
        spec("print('hello'); return {'ok': True}", schedule=OnceSchedule(execute_at=when))
    )
    assert (job.status, job.next_run_at) == ("active", when)

    await clock.advance(minutes=9)
    assert (await engine.list_executions(job.id)).total == 0
    await clock.advance(minutes=1)

    job = await engine.get_job(job.id)
    run = job.last_execution
    assert (run.status, run.result, run.fire_time) == ("completed", {"ok": True}, when)
    assert (job.status, job.next_run_at, job.active) == ("inactive", None, False)
    lines = (await engine.logs(LogQuery(job_id=job.id))).logs
    assert [line.message for line in lines] == ["hello"]


async def test_an_interval_counts_from_creation_and_does_not_drift(engine, clock, spec):
    started = clock.now()
    job = await engine.create_job(spec())
    await clock.advance(minutes=3, seconds=30)
    fires = [run.fire_time - started for run in (await engine.list_executions(job.id)).executions]
    assert fires == [timedelta(minutes=3), timedelta(minutes=2), timedelta(minutes=1)]
    assert (await engine.get_job(job.id)).next_run_at == started + timedelta(minutes=4)


async def test_a_cron_job_fires_in_its_own_zone(engine, clock, spec):
    schedule = CronSchedule(expression="0 8 * * 1", timezone="America/New_York")
    job = await engine.create_job(spec(schedule=schedule))
    await clock.advance(hours=5)
    [run] = (await engine.list_executions(job.id)).executions
    assert run.fire_time.isoformat() == "2026-03-02T13:00:00+00:00"


async def test_a_fire_during_a_waiting_retry_is_skipped_and_says_why(engine, clock, spec):
    news = engine.events()
    job = await engine.create_job(
        spec("raise ValueError('no')", retry=Retry(max_attempts=1, backoff_seconds=90))
    )
    await clock.advance(seconds=121)
    shown = await engine.get_job(job.id)
    assert (shown.skipped_fires, (await engine.list_executions(job.id)).total) == (1, 1)
    async for event in news:
        if isinstance(event, FireSkipped):
            assert "overlap is 'skip'" in event.reason
            break
    warnings = (await engine.logs(LogQuery(job_id=job.id, level="warn"))).logs
    assert any("was not run" in line.message for line in warnings)


async def test_queued_fires_run_one_after_another(engine, clock, spec):
    job = await engine.create_job(
        spec(
            "if job.execution.attempt == 1 and job.metadata['fail']:\n    raise ValueError('once')",
            overlap="queue",
            metadata={"fail": True},
            retry=Retry(max_attempts=1, backoff_seconds=90),
        )
    )
    await clock.advance(seconds=125)
    waiting = await engine.list_executions(job.id, status="pending")
    assert waiting.total == 2
    await clock.advance(seconds=200)
    runs = (await engine.list_executions(job.id)).executions
    ended = sorted((run for run in runs if run.finished), key=lambda run: run.fire_time)
    assert len(ended) >= 2
    assert ended[0].completed_at <= ended[1].started_at


@pytest.mark.parametrize("given", [{"overlap": "queue"}, {"overlap": "allow", "max_concurrent": 1}])
async def test_only_so_many_runs_of_a_job_that_is_too_slow_wait_and_the_log_says_what_to_do(
    clock, spec, monkeypatch, given
):
    monkeypatch.setattr(firing, "MOST_WAITING", 3)
    body = "import asyncio; await asyncio.sleep(290)"
    async with await Engine.open(None, clock=clock, virtual_runs=True) as engine:
        job = await engine.create_job(spec(body, **given))
        await clock.advance(minutes=5)  # one runs, three wait for it, the fifth is one too many
        assert (await engine.list_executions(job.id, status="running")).total == 1
        assert (await engine.list_executions(job.id, status="pending")).total == 3
        assert (await engine.get_job(job.id)).skipped_fires == 1
        [line] = (await engine.logs(LogQuery(job_id=job.id, level="warn"))).logs
        assert line.message.startswith(
            f"The fire due at {clock.now().isoformat()} was not run: 3 runs"
        )
        assert "make it faster, fire it less often, or choose overlap='skip'" in line.message

        await clock.advance(minutes=1)  # the first is finished, and the second runs: one more fits
        assert (await engine.list_executions(job.id, status="pending")).total == 3
        assert (await engine.get_job(job.id)).skipped_fires == 1


async def test_of_what_was_missed_no_more_is_caught_up_than_may_wait(
    tmp_path, clock, spec, monkeypatch
):
    monkeypatch.setattr(firing, "MOST_WAITING", 3)
    retry = Retry(max_attempts=1, backoff_seconds=86_400)
    async with await Engine.open(tmp_path / "w", clock=clock) as engine:
        job = await engine.create_job(spec("raise ValueError", catch_up="all", retry=retry))
        await clock.advance(minutes=1)
    later = VirtualClock(clock.now() + timedelta(minutes=10))
    async with await Engine.open(tmp_path / "w", clock=later) as engine:
        await later.advance(seconds=1)
        shown = await engine.get_job(job.id)
        assert (await engine.list_executions(job.id, status="pending")).total == 3
        assert shown.skipped_fires == 8
        assert shown.next_run_at == clock.now() + timedelta(minutes=11)
        [line, *_] = (await engine.logs(LogQuery(job_id=job.id, level="warn"))).logs
        assert "3 runs of it wait already" in line.message
        assert "choose catch_up='once'" in line.message


async def test_a_job_that_keeps_failing_is_paused_with_a_note(engine, clock, spec):
    job = await engine.create_job(spec("raise ValueError('no')", pause_after_failures=2))
    await clock.advance(minutes=5)
    job = await engine.get_job(job.id)
    assert (job.status, (await engine.list_executions(job.id)).total) == ("paused", 2)
    assert "2 failures in a row" in job.note

    job = await engine.activate_job(job.id)
    assert (job.status, job.next_run_at) == ("active", clock.now() + timedelta(minutes=1))


async def test_a_paused_job_runs_nothing_that_was_queued(tmp_path, clock, spec):
    body = "import asyncio; await asyncio.sleep(250); raise ValueError('no')"
    folder = tmp_path / "w"
    async with await Engine.open(folder, clock=clock, virtual_runs=True) as engine:
        job = await engine.create_job(spec(body, overlap="queue", pause_after_failures=1))
        await clock.advance(seconds=200)
        asked = await engine.trigger_job(job.id)
        await clock.advance(minutes=15)
        job = await engine.get_job(job.id)
        runs = (await engine.list_executions(job.id)).executions
        assert (job.status, job.skipped_fires) == ("paused", 4)
        assert sorted(run.status for run in runs) == ["cancelled"] * 4 + ["failed"] * 2
        assert (await engine.get_execution(asked.id)).status == "failed"
        assert await engine.list_executions(job.id, status="pending") == ExecutionPage(
            executions=[], total=0, limit=50, offset=0
        )


async def test_catching_up_all_stops_when_the_job_is_paused(tmp_path, clock, spec):
    async with await Engine.open(tmp_path / "w", clock=clock) as engine:
        given = spec("raise ValueError('no')", catch_up="all", pause_after_failures=2)
        job = await engine.create_job(given)
    later = VirtualClock(clock.now() + timedelta(minutes=10))
    async with await Engine.open(tmp_path / "w", clock=later) as engine:
        await later.advance(seconds=1)
        job = await engine.get_job(job.id)
        assert (job.status, job.skipped_fires) == ("paused", 8)
        assert (await engine.list_executions(job.id, status="failed")).total == 2
        assert "2 failures in a row" in job.note


async def test_a_once_job_that_fails_for_good_is_failed(engine, clock, spec):
    when = clock.now() + timedelta(seconds=5)
    job = await engine.create_job(
        spec("raise ValueError('no')", schedule=OnceSchedule(execute_at=when))
    )
    await clock.advance(seconds=5)
    assert (await engine.get_job(job.id)).status == "failed"


async def test_a_clock_set_back_fires_nothing_twice(engine, clock, spec):
    job = await engine.create_job(spec())
    await clock.advance(minutes=2)
    await clock.jump(clock.now() - timedelta(minutes=2))
    await clock.advance(minutes=2)
    fires = [run.fire_time for run in (await engine.list_executions(job.id)).executions]
    assert len(fires) == len(set(fires)) == 2


async def test_after_a_night_asleep_a_job_is_caught_up_once(engine, clock, spec):
    job = await engine.create_job(spec())
    await clock.jump(clock.now() + timedelta(hours=8))
    shown = await engine.get_job(job.id)
    [run] = (await engine.list_executions(job.id)).executions
    assert (run.cause, run.fire_time, shown.skipped_fires) == ("catch_up", clock.now(), 479) or (
        run.cause,
        shown.skipped_fires,
    ) == ("schedule", 479)


async def test_jitter_moves_a_run_later_and_never_the_fire(engine, clock, spec):
    job = await engine.create_job(spec(jitter=30))
    await clock.advance(seconds=60)
    [run] = (await engine.list_executions(job.id)).executions
    assert run.status == "pending"
    await clock.advance(seconds=31)
    run = await engine.get_execution(run.id)
    assert run.status == "completed"
    assert run.fire_time == run.created_at
    assert timedelta(0) < run.started_at - run.fire_time <= timedelta(seconds=30)


async def test_a_run_whose_jitter_is_over_and_that_waits_its_turn_shows_no_time_that_has_passed(
    engine, clock, spec
):
    retry = Retry(max_attempts=1, backoff_seconds=86_400)
    job = await engine.create_job(spec("raise ValueError", overlap="queue", jitter=30, retry=retry))
    await clock.advance(seconds=120)
    [queued, first] = (await engine.list_executions(job.id)).executions
    assert queued.next_attempt_at > clock.now()  # it is not its turn, and not yet its time
    await clock.advance(seconds=30)
    assert first.next_attempt_at > clock.now()
    for shown in (
        await engine.get_execution(queued.id),
        (await engine.list_executions(job.id)).executions[0],
        (await engine.get_job(job.id)).last_execution,
    ):
        assert (shown.id, shown.status, shown.next_attempt_at) == (queued.id, "pending", None)


async def test_a_fire_skipped_for_a_run_that_has_not_begun_says_so(clock, spec):
    async with await Engine.open(None, clock=clock, virtual_runs=True) as engine:
        job = await engine.create_job(
            spec("import asyncio; await asyncio.sleep(250)", max_concurrent=1)
        )
        await engine.trigger_job(job.id)
        await clock.advance(minutes=2)
        [run] = (await engine.list_executions(job.id, status="pending")).executions
        [line] = (await engine.logs(LogQuery(job_id=job.id))).logs
        assert f"execution {run.id} has not begun yet" in line.message


@pytest.mark.parametrize("catch_up", ["once", "none"])
async def test_a_fire_whose_own_start_is_still_to_come_after_an_outage_is_not_missed(
    folder, clock, spec, catch_up
):
    given = {"jitter": 3600, "overlap": "allow", "catch_up": catch_up}
    start = clock.now()
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec(**given))
        await clock.advance(seconds=1)
    clock = VirtualClock(start + timedelta(minutes=30))
    fires = [start + n * timedelta(minutes=1) for n in range(1, 31)]
    to_come = [fire for fire in fires if jittered(fire, 3600, job.id) >= clock.now()]
    late = [fire for fire in fires if clock.now() - jittered(fire, 3600, job.id) > MISSED_AFTER]
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(seconds=1)
        assert (await engine.get_job(job.id)).skipped_fires == len(late)
        await clock.advance(minutes=61)
        runs = [run for run in await newest(engine, job) if run.fire_time in to_come]
        assert {run.fire_time: run.lateness for run in runs} == dict.fromkeys(to_come)
        assert {run.cause for run in runs} == {"schedule"}


async def test_no_fire_is_lost_by_an_engine_killed_among_those_that_jitter_delays(
    folder, clock, spec, monkeypatch
):
    given = {"jitter": 3600, "overlap": "allow"}
    start = clock.now()
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec(**given))
    clock = VirtualClock(start + timedelta(minutes=30))
    fires = [start + n * timedelta(minutes=1) for n in range(1, 31)]
    to_come = [fire for fire in fires if jittered(fire, 3600, job.id) >= clock.now()]
    async with await Engine.open(folder, clock=clock) as engine:
        claim, claimed = engine._core.state.store.history.claim, []

        async def dies(execution, *given, **how):
            if claimed:
                raise WorkspaceGone("as if it were killed here")
            claimed.append(execution)
            return await claim(execution, *given, **how)

        monkeypatch.setattr(engine._core.state.store.history, "claim", dies)
        await clock.advance(seconds=0)
    async with await Engine.open(folder, clock=VirtualClock(clock.now())) as engine:
        await engine._core.state.clock.advance(minutes=61)
        ran = [run.fire_time for run in await newest(engine, job)]
        assert set(to_come) <= set(ran)
        assert len(set(ran)) == len(ran)


async def newest(engine, job):
    return (await engine.list_executions(job.id, limit=1000)).executions


@pytest.mark.parametrize(
    ("schedule", "jitter"),
    [
        (IntervalSchedule(seconds=60), 61),
        (CronSchedule(expression="*/5 * * * *"), 301),
        (CronSchedule(expression="0,10 9 * * 1", timezone="Europe/Berlin"), 601),
    ],
)
async def test_a_jitter_longer_than_the_wait_between_fires_is_refused_where_it_would_skip_them(
    engine, spec, schedule, jitter
):
    with pytest.raises(InvalidInput, match=f"Give jitter={jitter - 1} or less, or choose overlap="):
        await engine.create_job(spec(schedule=schedule, jitter=jitter))
    for fits in ({"jitter": jitter - 1}, {"jitter": jitter, "overlap": "queue"}):
        await engine.create_job(spec(schedule=schedule, **fits))


async def test_a_once_job_and_a_daily_one_may_have_any_jitter(engine, clock, spec):
    later = OnceSchedule(execute_at=clock.now() + timedelta(minutes=1))
    daily = CronSchedule(expression="30 2 * * *", timezone="Europe/Berlin")
    for name, schedule in (("once", later), ("daily", daily)):
        await engine.create_job(spec(name=name, schedule=schedule, jitter=86_400))


@pytest.mark.parametrize("missed", [1, 2])
async def test_catching_up_all_runs_each_fire_behind_a_waiting_retry(engine, clock, spec, missed):
    retry = Retry(max_attempts=1, backoff_seconds=86_400)
    body = "if job.execution.attempt == 1: raise ValueError"
    schedule = IntervalSchedule(seconds=600)
    job = await engine.create_job(spec(body, schedule=schedule, catch_up="all", retry=retry))
    await clock.advance(minutes=11)
    await clock.jump(clock.now() + missed * timedelta(minutes=10))
    assert (await engine.list_executions(job.id, status="pending")).total == 1 + missed
    assert (await engine.get_job(job.id)).skipped_fires == 0


@pytest.mark.parametrize(
    ("overlap", "running", "skipped"), [("skip", 1, 3), ("allow", 3, 1), ("queue", 1, 1)]
)
async def test_two_fires_due_at_once_while_a_run_goes_on_overlap_as_one_does(
    clock, spec, overlap, running, skipped
):
    body = "import asyncio; await asyncio.sleep(250)"
    async with await Engine.open(None, clock=clock, virtual_runs=True) as engine:
        schedule = IntervalSchedule(seconds=5)
        job = await engine.create_job(spec(body, schedule=schedule, overlap=overlap))
        await clock.advance(seconds=5)
        await clock.jump(clock.now() + timedelta(seconds=15))  # the last two are not missed
        runs = (await engine.list_executions(job.id)).executions
        assert sum(run.status == "running" for run in runs) == running
        assert (await engine.get_job(job.id)).skipped_fires == skipped
        assert len(runs) + skipped == 4


async def test_two_fires_due_at_once_run_one_after_another_when_none_goes_on(engine, clock, spec):
    job = await engine.create_job(spec(schedule=IntervalSchedule(seconds=5)))
    await clock.jump(clock.now() + timedelta(seconds=10))
    assert (await engine.list_executions(job.id, status="completed")).total == 2
    assert (await engine.get_job(job.id)).skipped_fires == 0


async def test_fires_not_run_are_counted_once_though_the_engine_dies_before_the_next_is_claimed(
    tmp_path, clock, spec, monkeypatch
):
    async with await Engine.open(tmp_path / "w", clock=clock) as engine:
        job = await engine.create_job(spec(schedule=IntervalSchedule(seconds=1.5)))

        async def dies(*_, **__):
            raise LookupError("as if it were killed here")

        monkeypatch.setattr(engine._core.state.store.history, "claim", dies)
        await clock.jump(clock.now() + timedelta(seconds=6))  # of four fires the last two are run
        assert (await engine.get_job(job.id)).skipped_fires == 2
    later = VirtualClock(clock.now())
    async with await Engine.open(tmp_path / "w", clock=later) as engine:
        await later.advance(seconds=0)
        fires = [run.fire_time for run in (await engine.list_executions(job.id)).executions]
        assert fires == [clock.now(), clock.now() - timedelta(seconds=1.5)]
        assert (await engine.get_job(job.id)).skipped_fires == 2


async def test_many_jobs_due_at_once_all_run(engine, clock, spec):
    for number in range(20):
        await engine.create_job(spec(name=f"job-{number}"))
    await clock.advance(seconds=60)
    assert (await engine.list_executions(status="completed")).total == 20
    await asyncio.sleep(0)


async def test_jitter_is_no_lateness(engine, clock, spec):
    job = await engine.create_job(spec(jitter=30))
    await clock.advance(seconds=91)
    [run] = (await engine.list_executions(job.id)).executions
    assert (run.status, run.lateness) == ("completed", None)


async def test_a_once_job_missed_without_catching_up_is_at_its_end_and_says_why(
    engine, clock, spec
):
    def in_ten_minutes():
        later = clock.now() + timedelta(minutes=10)
        return spec(schedule=OnceSchedule(execute_at=later, after=600), catch_up="none")

    job = await engine.create_job(in_ten_minutes())
    await clock.jump(clock.now() + timedelta(hours=1))
    job = await engine.get_job(job.id)
    assert (job.status, job.next_run_at, job.skipped_fires) == ("inactive", None, 1)
    assert "catch_up is 'none'" in job.note

    again = await engine.create_job(in_ten_minutes())
    assert (again.change, again.status) == ("rearmed", "active")
    await clock.advance(minutes=10)
    assert (await engine.list_executions(job.id)).total == 1


async def test_next_runs_promise_no_fire_that_will_not_come(engine, clock, spec):
    job = await engine.create_job(spec())
    await clock.jump(clock.now() + timedelta(hours=8))
    await clock.jump(clock.now() - timedelta(hours=7, minutes=59))
    shown = await engine.get_job(job.id)
    assert (await engine.next_runs(job.id, 1)) == [shown.next_run_at]
    assert shown.next_run_at > clock.now() + timedelta(hours=7)

    await engine.deactivate_job(job.id)
    assert await engine.next_runs(job.id) == []
    await engine.activate_job(job.id)
    assert await engine.next_runs(job.id, 1) == [clock.now() + timedelta(minutes=1)]
