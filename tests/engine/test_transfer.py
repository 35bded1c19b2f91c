"""A workspace taken into another engine: by one JSON value, by a file, with history or without."""

import json

import pytest

from luajobs_kit.engine import Engine
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import LogQuery


@pytest.fixture
async def exported(engine, spec, clock, tmp_path):
    job = await engine.create_job(spec("print('hello')"))
    await clock.advance(seconds=60)
    assert (await engine.list_executions(job.id)).total == 1
    (tmp_path / "all.json").write_text(json.dumps(await engine.export_workspace()))
    counts = await engine.export_workspace(str(tmp_path / "all.zip"))
    assert (counts["jobs"], counts["executions"]) == (1, 1)
    return job


@pytest.mark.parametrize(("name", "runs"), [("all.zip", 1), ("all.json", 0)])
async def test_an_imported_job_goes_on_after_its_last_fire(exported, clock, tmp_path, name, runs):
    async with await Engine.open(None, clock=clock) as other:
        counts = await other.import_workspace(file=str(tmp_path / name))
        assert (counts["jobs"], counts.get("executions", 0)) == (1, runs)
        assert (await other.list_executions(exported.id)).total == runs
        said = [line.message for line in (await other.logs(LogQuery(job_id=exported.id))).logs]
        assert ("hello" in said) == bool(runs)
        await clock.advance(seconds=60)
        assert (await other.list_executions(exported.id)).total == runs + 1


async def test_settings_no_workspace_can_have_are_refused_before_anything_changes(
    exported, clock, tmp_path
):
    value = json.loads((tmp_path / "all.json").read_text())
    value["settings"]["max_concurrent"] = "many"
    async with await Engine.open(None, clock=clock) as other:
        with pytest.raises(InvalidInput, match="max_concurrent"):
            await other.import_workspace(value)
        assert await other.list_jobs() == []
        (tmp_path / "some.json").write_text("{")
        with pytest.raises(InvalidInput, match="no JSON"):
            await other.import_workspace(file=str(tmp_path / "some.json"))
