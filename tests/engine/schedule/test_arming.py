"""A job is armed anew while a run of its former arming is still under way."""

import asyncio
from datetime import timedelta

import pytest

from luajobs_kit.clock import VirtualClock
from luajobs_kit.engine import Engine
from luajobs_kit.errors import StorageFull
from luajobs_kit.model import (
    Declaration,
    IntervalSchedule,
    LogQuery,
    OnceSchedule,
    Retry,
    VersionSpec,
)

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


CHAIN = """
import asyncio
from luajobs_kit import Jobs, once
again = await Jobs.create(
    name=job.name, schedule=once(minutes=10), metadata=job.metadata, **job.metadata["given"],
)
await asyncio.sleep(job.metadata["nap"])
if job.metadata["fails"]: raise ValueError("after it set its next time")
return again.data["change"]
"""


def in_ten_minutes(clock):
    return OnceSchedule(execute_at=clock.now() + timedelta(minutes=10), after=600)


def chain(clock, spec, *, nap=0, fails=False, **given):
    """Return the spec of a once-job that gives itself its next time, written as it was itself."""
    made = spec(CHAIN, schedule=in_ten_minutes(clock), **given)
    retry = {"retry": given["retry"].to_json()} if "retry" in given else {}
    again = {"source": made.bundle.source, "entry": "execute", **retry}
    return made.evolve(metadata={"given": again, "nap": nap, "fails": fails})


@pytest.mark.parametrize("nap", [0, 90, 250], ids=["at once", "and goes on", "and goes on long"])
async def test_a_once_job_that_asks_for_the_same_wait_from_its_own_run_goes_on(
    engine, clock, spec, nap
):
    start = clock.now()
    job = await engine.create_job(chain(clock, spec, nap=nap))
    told = await engine.simulate(clock.now() + timedelta(hours=1))
    await clock.advance(hours=1)
    runs = (await engine.list_executions(job.id)).executions[::-1]
    every_ten_minutes = [start + timedelta(minutes=10 * n) for n in range(1, 7)]
    assert [run.fire_time for run in runs] == every_ten_minutes
    assert {run.result for run in runs if run.finished} == {"rearmed"}
    assert [run.fire_time for run in told.executions] == every_ten_minutes
    assert len((await engine.get_job(job.id)).versions) == 1


async def test_a_once_job_that_fails_after_it_set_its_next_time_is_tried_again_and_goes_on(
    engine, clock, spec
):
    start = clock.now()
    retry = Retry(max_attempts=1, backoff_seconds=60)
    job = await engine.create_job(chain(clock, spec, fails=True, retry=retry))
    await clock.advance(minutes=35)
    runs = (await engine.list_executions(job.id)).executions[::-1]
    assert [run.fire_time - start for run in runs] == [timedelta(minutes=n) for n in (10, 20, 30)]
    assert [len(run.attempts) for run in runs] == [2, 2, 2]
    assert (await engine.get_job(job.id)).status == "active"


async def test_a_retry_that_waits_longer_than_the_time_set_anew_gives_way_to_it(
    engine, clock, spec
):
    retry = Retry(max_attempts=1, backoff_seconds=3 * 3600)
    job = await engine.create_job(chain(clock, spec, fails=True, retry=retry))
    await clock.advance(minutes=25)
    first, second = (await engine.list_executions(job.id)).executions[::-1]
    assert (first.status, second.status) == ("cancelled", "pending")
    assert second.lateness is None
    said = [line.message for line in (await engine.logs(LogQuery(job_id=job.id))).logs]
    assert any(
        line.startswith("1 run that waited was cancelled (1 for a retry): the job was given a new")
        for line in said
    )


@pytest.mark.parametrize("minutes", [10, 12], ids=["while it runs", "while it waits for a retry"])
async def test_a_cell_run_again_while_its_once_run_goes_on_sets_the_time_anew(
    engine, clock, spec, minutes
):
    def cell():
        retry = Retry(max_attempts=2, backoff_seconds=3600)
        return spec(f"{NAP}; raise ValueError", schedule=in_ten_minutes(clock), retry=retry)

    start = clock.now()
    job = await engine.create_job(cell())
    await clock.advance(minutes=minutes)
    again = await engine.create_job(cell())
    assert (again.change, again.next_run_at) == ("rearmed", clock.now() + timedelta(minutes=10))
    assert (await engine.create_job(cell())).change == "unchanged"
    await clock.advance(minutes=11)
    fires = [start + timedelta(minutes=10), start + timedelta(minutes=minutes + 10)]
    assert await fires_of(engine, job) == fires
    assert [run.lateness for run in (await engine.list_executions(job.id)).executions] == [None] * 2


async def test_a_cell_run_again_before_its_once_run_has_begun_changes_nothing(engine, clock, spec):
    given = {"jitter": 600, "schedule": OnceSchedule(execute_at=clock.now(), after=0)}
    job = await engine.create_job(spec(**given))
    await clock.advance(seconds=1)
    assert (await engine.list_executions(job.id, status="pending")).total == 1
    assert (await engine.create_job(spec(**given))).change == "unchanged"


async def test_a_once_job_that_runs_at_once_and_again_at_the_same_instant_runs_twice(
    engine, clock, spec
):
    def now():
        return spec(schedule=OnceSchedule(execute_at=clock.now(), after=0))

    job = await engine.create_job(now())
    await clock.advance()
    assert (await engine.create_job(now())).change == "rearmed"
    await clock.advance()
    runs = (await engine.list_executions(job.id)).executions
    assert [run.status for run in runs] == ["completed", "completed"]
    assert (await engine.get_job(job.id)).status == "inactive"


async def test_a_once_job_that_was_off_when_its_time_came_gets_a_new_time_and_stays_off(
    engine, clock, spec
):
    job = await engine.create_job(spec(schedule=in_ten_minutes(clock)))
    await engine.deactivate_job(job.id)
    assert (await engine.create_job(spec(schedule=in_ten_minutes(clock)))).change == "unchanged"
    await clock.advance(hours=1)
    again = await engine.create_job(spec(schedule=in_ten_minutes(clock)))
    assert (again.change, again.status) == ("rearmed", "inactive")
    due = clock.now() + timedelta(minutes=10)
    assert (await engine.activate_job(job.id)).next_run_at == due


# Editing words


WORDS = {
    "the description": lambda n: {"description": f"number {n}"},
    "the metadata": lambda n: {"metadata": {"number": n}},
    "both": lambda n: {"description": f"number {n}", "metadata": {"number": n}},
}


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
@pytest.mark.parametrize("how", ["created again", "published"])
async def test_words_edited_more_often_than_a_job_fires_do_not_keep_it_from_firing(
    engine, clock, spec, words, how
):
    start = clock.now()
    hourly = IntervalSchedule(seconds=3600)
    job = await engine.create_job(spec(schedule=hourly, **words(0)))
    for number in range(1, 6):
        await clock.advance(minutes=50)
        edited = spec(schedule=hourly, **words(number))
        if how == "published":
            fields = {name: getattr(edited, name) for name in Declaration.model_fields}
            version = await engine.push_version(job.id, VersionSpec(**fields))
            await engine.publish_version(job.id, version.id)
        else:
            assert (await engine.create_job(edited)).change == "updated"
    runs = (await engine.list_executions(job.id)).executions[::-1]
    assert [run.fire_time for run in runs] == [start + timedelta(hours=n) for n in (1, 2, 3, 4)]
    assert [run.version for run in runs] == ["1.0.1", "1.0.2", "1.0.3", "1.0.4"]
    assert (await engine.logs(LogQuery(job_id=job.id))).logs == []  # no fire moved


async def test_words_edited_while_a_failing_run_goes_on_let_the_job_start_with_no_failures(
    engine, clock, spec
):
    given = {"pause_after_failures": 2}
    await engine.create_job(spec(f"{NAP}; raise ValueError", **given))
    await clock.advance(minutes=3)  # it has failed once, and runs
    job = await engine.create_job(spec(f"{NAP}; raise ValueError", description="other", **given))
    await clock.advance(minutes=3)
    assert (await engine.get_job(job.id)).status == "active"
    await clock.advance(minutes=10)
    assert (await engine.get_job(job.id)).status == "paused"


async def test_words_edited_of_a_job_that_paused_let_it_go_on(engine, clock, spec):
    await engine.create_job(spec("raise ValueError", pause_after_failures=1))
    await clock.advance(minutes=1)
    again = await engine.create_job(
        spec("raise ValueError", pause_after_failures=1, metadata={"url": "https://other"})
    )
    assert (again.status, again.next_run_at) == ("active", clock.now() + timedelta(minutes=1))


async def test_a_wait_is_counted_from_when_it_is_said_with_other_words(engine, clock, spec):
    await engine.create_job(spec(schedule=in_ten_minutes(clock), metadata={"say": "tea"}))
    await clock.advance(minutes=5)
    job = await engine.create_job(spec(schedule=in_ten_minutes(clock), metadata={"say": "cake"}))
    assert job.next_run_at == clock.now() + timedelta(minutes=10)


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
