"""The workspace's agent: whatever it is called, its jobs are seen, found and declared again."""

import pytest

from luajobs_kit.engine import Engine
from luajobs_kit.errors import Conflict


async def names(engine):
    return [job.name for job in await engine.list_jobs(include_dynamic=True)]


async def test_another_name_for_the_agent_takes_its_jobs_along(engine, clock, spec):
    mine = await engine.create_job(spec(name="mine"))
    await engine.create_job(spec(name="predefined", dynamic=False))
    await engine.settings({"agent_id": "another"})
    assert await names(engine) == ["mine", "predefined"]
    assert (await engine.find_job("mine")).agent_id == "another"
    assert (await engine.create_job(spec(name="mine"))).change == "unchanged"
    await clock.advance(minutes=1)
    assert (await engine.list_executions(mine.id)).total == 1
    await engine.settings({"agent_id": None})
    assert await names(engine) == ["mine", "predefined"]


async def test_imported_jobs_belong_to_the_agent_here(engine, clock, spec):
    await engine.settings({"agent_id": "theirs"})
    await engine.create_job(spec(name="brought"))
    exported = await engine.export_workspace()
    del exported["settings"]["agent_id"]
    async with await Engine.open(None, clock=clock) as other:
        await other.settings({"agent_id": "ours"})
        await other.create_job(spec(name="own"))
        await other.import_workspace(exported)
        assert set(await names(other)) == {"own", "brought"}
        assert (await other.find_job("brought")).agent_id == "ours"


async def test_an_import_that_renames_the_agent_keeps_the_jobs_here_in_sight(engine, clock, spec):
    await engine.settings({"agent_id": "theirs"})
    exported = await engine.export_workspace()
    async with await Engine.open(None, clock=clock) as other:
        await other.create_job(spec(name="own"))
        await other.import_workspace(exported)
        assert (await other.find_job("own")).agent_id == "theirs"


async def test_an_imported_job_of_another_agent_with_a_name_that_is_here_is_refused(
    engine, clock, spec
):
    await engine.settings({"agent_id": "theirs"})
    await engine.create_job(spec())
    exported = await engine.export_workspace()
    async with await Engine.open(None, clock=clock) as other:
        await other.create_job(spec())
        with pytest.raises(Conflict, match="is here already"):
            await other.import_workspace(exported)


async def test_jobs_left_behind_by_an_older_engine_are_seen_again_from_its_start(
    folder, clock, spec
):
    async with await Engine.open(folder, clock=clock) as engine:
        await engine.create_job(spec(name="left"))
        other = await engine.create_job(spec(name="second"))
        own = await engine.create_job(spec(name="twice"))
        rows = engine._state.store.definitions.tinydb.table("jobs")
        rows.update({"agentId": "older"}, lambda row: row["id"] != own.id)
        rows.update({"name": "twice"}, lambda row: row["id"] == other.id)
    async with await Engine.open(folder, clock=clock) as engine:
        assert await names(engine) == ["left", "twice"]
        assert (await engine.find_job("twice")).id == own.id
        told = [
            each.says for each in await engine.doctor() if "belongs to the agent older" in each.says
        ]
        assert len(told) == 1
        assert other.id in told[0]
