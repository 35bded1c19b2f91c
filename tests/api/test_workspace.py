"""Workspaces: which is current, and how one lives through several event loops."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from luajobs_kit import (
    InvalidInput,
    Jobs,
    Workspace,
    WorkspaceError,
    WorkspaceLocked,
    every,
    run_isolated,
)


async def execute(job):
    return job.metadata


async def test_the_workspace_of_the_block_is_current(ws):
    assert Workspace.current() is ws
    async with Workspace.in_process() as inner:
        assert Workspace.current() is inner
        await Jobs.create(name="inner", schedule=every(hours=1), execute=execute)
        assert len(await ws.jobs.get_all(include_dynamic=True)) == 0
    assert Workspace.current() is ws


async def test_an_opened_workspace_is_every_tasks_until_it_is_closed(tmp_path):
    ws = Workspace.in_process(tmp_path)
    with pytest.raises(WorkspaceError, match=r"is not open: .* `await ws\.open\(\)`"):
        await ws.jobs.get_all()
    before = Workspace.current()

    await asyncio.create_task(ws.open())  # as a cell is one

    assert Workspace.current() is ws
    await Jobs.create(name="kept", schedule=every(hours=1), execute=execute)
    with pytest.raises(WorkspaceLocked, match=r"open in this process already.*ws\.aclose"):
        await Workspace.in_process(tmp_path).open()
    assert Workspace.current() is ws
    await asyncio.create_task(ws.aclose())
    assert Workspace.current() is before
    assert repr(ws).endswith("in this process, closed>")

    async with ws:  # and once more
        assert [job.name for job in await Jobs.get_all(include_dynamic=True)] == ["kept"]


async def test_settings_are_changed_and_refused(ws):
    assert (await ws.settings(timeout_ceiling=900))["timeout_ceiling"] == 900
    with pytest.raises(InvalidInput, match="colour"):
        await ws.settings(colour="red")


async def test_the_values_of_env_are_given_and_not_shown(ws):
    values = await ws.settings(env={"KEY": "sk-123456"})
    assert values["env"]["KEY"] == "sk-123456"
    assert "sk-123456" not in repr(values)
    assert "KEY" in repr(values)
    more = await ws.settings(env=values["env"] | {"OTHER": "sk-other"})
    assert more["env"] == {"KEY": "sk-123456", "OTHER": "sk-other"}


def test_a_folder_keeps_its_jobs_from_one_run_to_the_next(tmp_path):
    async def make():
        async with Workspace.in_process(tmp_path) as ws:
            await Jobs.create(name="kept", schedule=every(hours=1), execute=execute)
            with pytest.raises(WorkspaceLocked):
                async with Workspace.in_process(tmp_path):
                    pass
            return repr(ws)

    async def look():
        async with Workspace.in_process(tmp_path):
            return [job.name for job in await Jobs.get_all(include_dynamic=True)]

    assert str(tmp_path) in asyncio.run(make())
    assert asyncio.run(look()) == ["kept"]


async def test_run_isolated_runs_a_function_once_without_any_workspace():
    outcome = await run_isolated(execute, {"x": 1})
    assert (outcome.status, outcome.result) == ("completed", {"x": 1})
    outcome = await run_isolated(
        "async def execute(job):\n    print('before')\n    return await User.get()"
    )
    assert outcome.error.type == "NotAllowed"
    assert [line.message for line in outcome.logs] == ["before"]
    assert outcome.error.line == 3
    slow = await run_isolated("def execute(job):\n    while True: pass", timeout=1)
    assert slow.status == "timeout"


async def test_a_simulation_runs_the_week_ahead_and_leaves_no_trace(ws, clock):
    job = await Jobs.create(name="hourly", schedule=every(hours=1), execute=execute)
    simulated = await ws.simulate(clock.now() + timedelta(hours=5), job=job)
    assert len(simulated.executions) == 5
    assert await job.executions() == []
