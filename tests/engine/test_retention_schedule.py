"""When history is trimmed, and that it is told where it is not."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from luajobs_kit.engine import Engine
from luajobs_kit.engine.retention_schedule import LONGEST
from luajobs_kit.model import IntervalSchedule, LogQuery
from luajobs_kit.store.history.history import History

CHATTY = """
    for n in range(9):
        print("x" * 60_000)
    """


@pytest.fixture
def trims(monkeypatch):
    """The bounds of each trim, as they are made."""
    made = asyncio.Queue()
    trim = History.trim

    async def told(self, **given):
        dropped = await trim(self, **given)
        made.put_nowait(given | {"dropped": dropped})
        return dropped

    monkeypatch.setattr(History, "trim", told)
    return made


async def until(trims, what):
    async with asyncio.timeout(20):
        while not what(trim := await trims.get()):
            continue
        return trim


async def test_a_history_that_grows_much_is_trimmed_after_few_runs(clock, spec, trims):
    async with await Engine.open(None, clock=clock) as engine:
        await engine.settings({"keep_bytes": 2**20})
        job = await engine.create_job(spec(CHATTY))
        for _ in range(4):
            await engine.wait_execution((await engine.trigger_job(job.id)).id)
        await until(trims, lambda trim: trim["dropped"])
        lines = (await engine.logs(LogQuery(limit=1))).pagination.total_count
        assert 0 < lines < 36


async def test_a_job_has_about_as_many_runs_kept_as_the_setting_says(clock, spec, trims):
    async with await Engine.open(None, clock=clock) as engine:
        await engine.settings({"keep_executions": 2})
        job = await engine.create_job(spec())
        for _ in range(4):
            await engine.wait_execution((await engine.trigger_job(job.id)).id)
        await until(trims, lambda trim: trim["dropped"])
        assert (await engine.list_executions(job.id)).total <= 3


async def test_what_grew_too_old_goes_though_few_runs_finish(clock, spec, trims):
    async with await Engine.open(None, clock=clock) as engine:
        await engine.settings({"keep_days": 1})
        job = await engine.create_job(spec(schedule=IntervalSchedule(seconds=86_400)))
        await engine.wait_execution((await engine.trigger_job(job.id)).id)
        await clock.advance(timedelta(days=2) + LONGEST)
        await until(trims, lambda trim: trim["dropped"])
        assert (await engine.list_executions(job.id)).total <= 2


async def test_a_changed_bound_holds_at_once(clock, spec, trims):
    async with await Engine.open(None, clock=clock) as engine:
        job = await engine.create_job(spec())
        for _ in range(3):
            await engine.wait_execution((await engine.trigger_job(job.id)).id)
        await engine.settings({"keep_executions": 1})
        await until(trims, lambda trim: trim["per_job"] == 1)
        assert (await engine.list_executions(job.id)).total == 1


async def test_a_trim_that_fails_is_told_and_tried_again(clock, spec, monkeypatch, caplog):
    tried = asyncio.Queue()

    async def fails(self, **_):
        tried.put_nowait(None)
        raise RuntimeError("no such luck")

    monkeypatch.setattr(History, "trim", fails)
    async with await Engine.open(None, clock=clock) as engine, asyncio.timeout(20):
        await tried.get()
        await engine.settings({"keep_executions": 1})
        await tried.get()
        told = [each for each in await engine.doctor() if "is not trimmed" in each.says]
    assert len(told) == 1
    assert not told[0].holds
    assert "no such luck" in told[0].says
    assert "history is not trimmed" in caplog.text
