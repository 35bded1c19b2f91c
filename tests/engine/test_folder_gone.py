"""An engine in this process whose folder is taken away ends by itself, and says why."""

import asyncio
import shutil

import pytest

from luajobs_kit.engine import Engine, lifecycle
from luajobs_kit.errors import WorkspaceGone
from luajobs_kit.store import workspace_lock


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(lifecycle, "LOOK", 0.0)
    monkeypatch.setattr(workspace_lock, "AGAIN", 0.0)


async def follow(news):
    return [event.type async for event in news]


@pytest.mark.parametrize("replaced", [False, True])
async def test_an_engine_ends_when_its_folder_is_taken_away(folder, clock, spec, replaced):
    engine = await Engine.open(folder, clock=clock)
    job = await engine.create_job(spec())
    news = asyncio.create_task(follow(engine.events()))
    folder.rename(folder.with_name("away"))
    if replaced:
        async with await Engine.open(folder, clock=clock) as other:
            await other.create_job(spec(name="other"))
    await news  # its followers' streams end with it
    with pytest.raises(WorkspaceGone, match="removed, moved away or replaced"):
        await engine.create_job(spec(name="lost"))
    with pytest.raises(WorkspaceGone):
        await engine.trigger_job(job.id)
    await engine.aclose()
    assert folder.exists() == replaced
    async with await Engine.open(folder.with_name("away"), clock=clock) as kept:
        assert [job.name for job in await kept.list_jobs(include_dynamic=True)] == ["job"]


async def test_a_run_is_ended_with_the_engine_whose_folder_is_gone(folder, spec, monkeypatch):
    monkeypatch.setattr("luajobs_kit.engine.engine.GRACE", 0.0)
    engine = await Engine.open(folder)
    job = await engine.create_job(spec("import asyncio\nawait asyncio.sleep(1000)"))
    news = engine.events()
    await engine.trigger_job(job.id)
    async for event in news:
        if event.type == "ExecutionStarted":
            break
    shutil.rmtree(folder)
    async for _ in news:
        pass
    await engine.aclose()
    assert not folder.exists()
