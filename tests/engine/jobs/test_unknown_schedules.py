"""Jobs whose schedule this machine cannot work out, beside others that go on as if they were not there."""

import json
from datetime import timedelta

import pytest

from luajobs_kit.engine import Engine
from luajobs_kit.errors import Conflict, InvalidInput
from luajobs_kit.model import CronSchedule, IntervalSchedule, OnceSchedule, VersionSpec

NINE = "0 9 * * *"
ELSEWHERE = CronSchedule(expression=NINE, timezone="Mars/Olympus")
NEVER_DECLARED = IntervalSchedule(seconds=0)


async def replace_schedule(engine, job_id, schedule):
    """Give a kept job a schedule that no declaration could, as another machine or an editor does."""
    table = engine._state.store.definitions.tinydb.table("versions")
    table.update({"schedule": schedule.to_json()}, lambda row: row["jobId"] == job_id)


@pytest.fixture(params=[ELSEWHERE, NEVER_DECLARED], ids=["zone", "interval"])
def unknown(request):
    return request.param


@pytest.fixture
async def kept(folder, clock, spec, unknown):
    """A workspace with a job of an unknown schedule between two others."""
    async with await Engine.open(folder, clock=clock) as engine:
        await engine.create_job(spec(name="first"))
        bad = await engine.create_job(spec(name="bad"))
        await engine.create_job(spec(name="last"))
        await replace_schedule(engine, bad.id, unknown)
        exported = await engine.export_workspace()
    return bad.id, exported


async def test_the_others_fire_and_it_is_shown_with_a_note(folder, clock, kept):
    async with await Engine.open(folder, clock=clock) as engine:
        jobs = {job.name: job for job in await engine.list_jobs(include_dynamic=True)}
        assert jobs["bad"].note.startswith("It cannot fire: ")
        assert jobs["bad"].next_run_at is None
        await clock.advance(minutes=2)
        for name in ("first", "last"):
            assert (await engine.list_executions(jobs[name].id)).total == 2
        found = [each for each in await engine.doctor() if each.name == "bad"]
        assert [each.says for each in found] == [jobs["bad"].note]
        assert await engine.next_runs(jobs["bad"].id) == []


async def test_switching_it_on_is_refused_and_leaves_it_off(folder, clock, kept):
    async with await Engine.open(folder, clock=clock) as engine:
        await engine.deactivate_job(kept[0])
        with pytest.raises(Conflict, match="not activated"):
            await engine.activate_job(kept[0])
        assert not (await engine.get_job(kept[0])).active


async def test_it_can_be_run_by_hand_and_declared_anew(folder, clock, spec, kept):
    async with await Engine.open(folder, clock=clock) as engine:
        await engine.trigger_job(kept[0])
        job = await engine.create_job(spec(name="bad"))
        assert (job.note, job.status) == (None, "active")
        assert job.next_run_at == clock.now() + timedelta(seconds=60)


async def test_a_simulation_has_the_others_fire(folder, clock, kept):
    async with await Engine.open(folder, clock=clock) as engine:
        told = await engine.simulate(clock.now() + timedelta(minutes=1))
    assert {run.job_name for run in told.executions} == {"first", "last"}


async def test_an_import_is_refused_before_anything_is_stored(clock, kept, tmp_path):
    file = tmp_path / "all.json"
    file.write_text(json.dumps(kept[1]))
    async with await Engine.open(None, clock=clock) as other:
        with pytest.raises(InvalidInput, match="'bad' of the import could not fire"):
            await other.import_workspace(file=str(file))
        assert await other.list_jobs(include_dynamic=True, include_deleted=True) == []


async def test_a_workspace_is_restored_over_itself_all_the_same(folder, clock, kept):
    async with await Engine.open(folder, clock=clock) as engine:
        await engine.import_workspace(kept[1])
        await clock.advance(minutes=1)
        assert (await engine.status()).active_jobs == 2


async def test_an_import_takes_it_where_it_is_switched_off(clock, kept):
    next(job for job in kept[1]["jobs"] if job["name"] == "bad")["active"] = False
    async with await Engine.open(None, clock=clock) as other:
        await other.import_workspace(kept[1])
        assert (await other.status()).active_jobs == 2
        assert (await other.get_job(kept[0])).note.startswith("It cannot fire: ")


async def test_publishing_a_version_that_could_not_fire_is_refused_before_it_is_stored(
    engine, spec
):
    job = await engine.create_job(spec())
    pushed = await engine.push_version(job.id, VersionSpec(bundle=spec("return 2").bundle))
    await replace_schedule(engine, job.id, ELSEWHERE)
    with pytest.raises(Conflict, match="not published"):
        await engine.publish_version(job.id, pushed.version)
    assert (await engine.get_job(job.id)).active_version.version == "1.0.0"


async def test_activating_arms_a_job_whose_zone_has_become_known(folder, clock, spec, monkeypatch):
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(
            spec(schedule=CronSchedule(expression=NINE, timezone="Asia/Tokyo"))
        )
    with monkeypatch.context() as patch:
        patch.setattr("luajobs_kit.timing.zones.ZoneInfo", lambda name: {}[name])
        engine = await Engine.open(folder, clock=clock)
        assert "Asia/Tokyo" in (await engine.get_job(job.id)).note
    async with engine:
        assert (await engine.activate_job(job.id)).next_run_at is not None


async def test_a_once_job_written_in_an_unknown_zone_fires_at_its_instant(folder, clock, spec):
    at = clock.now() + timedelta(minutes=1)
    async with await Engine.open(folder, clock=clock) as engine:
        job = await engine.create_job(spec(schedule=OnceSchedule(execute_at=at)))
        there = OnceSchedule(execute_at=at, timezone="Mars/Olympus")
        await replace_schedule(engine, job.id, there)
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(minutes=1)
        assert (await engine.list_executions(job.id)).total == 1
