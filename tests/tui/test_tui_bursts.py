"""Keys typed faster than the screen follows do what they do when typed one by one."""

from __future__ import annotations

import asyncio

import pytest
from textual.widgets import Input, TextArea

from luajobs_kit.errors import NotFound
from luajobs_kit.model import JobSpec
from luajobs_kit.bundle import capture
from luajobs_kit.timing import every
from luajobs_tui.screens.confirm import Confirm
from luajobs_tui.screens.create import CreateJob
from luajobs_tui.widgets.job_table import JobTable
from luajobs_tui.widgets.log_view import LogView

LONG = "import asyncio\nasync def wait(job):\n    await asyncio.sleep(60)\n"
NAMES = ("alpha", "beta", "gamma")


@pytest.fixture
async def jobs(engine, tui):
    return [await tui.make(engine, name) for name in NAMES]


async def what_was_done(engine):
    """Everything that the keys could have changed: what each job is, and its runs."""
    found = await engine.list_jobs(include_dynamic=True)
    page = await engine.list_executions()
    return {job.name: job.status for job in found}, page.total


UNTOUCHED = (dict.fromkeys(NAMES, "active"), 0)


@pytest.mark.parametrize("words", ["xylo", "price", "d", "q", "jjx", "n a r", "?", "car/4"])
async def test_a_search_typed_at_once_is_a_search_and_nothing_else(engine, tui, jobs, words):
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "alpha", "gamma", "No line yet")
        tui.bursts(app, "/", *words)
        await tui.until(pilot, lambda: app.monitor.state.filter == words)
        assert app.screen is app.monitor
        assert isinstance(app.focused, Input)
        assert app.focused.value == words
    assert await what_was_done(engine) == UNTOUCHED
