"""Keys typed faster than the screen follows do what they do when typed one by one."""

from __future__ import annotations

import asyncio

import pytest
from textual import events
from textual.widgets import Input

from luajobs_tui.screens.confirm import Confirm
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


async def test_a_search_typed_at_once_is_a_search_and_nothing_else(engine, tui, jobs):
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "alpha", "gamma", "No line yet")
        for words in ("xylo", "price", "d", "q", "jjx", "n a r", "?", "car/4"):
            tui.bursts(app, "/", *words)
            await tui.until(pilot, lambda sought=words: app.monitor.state.filter == sought)
            assert app.screen is app.monitor
            assert isinstance(app.focused, Input)
            assert app.focused.value == words
            tui.bursts(app, "escape")
            await tui.until(pilot, lambda: app.focused is app.monitor.query_one(JobTable))
    assert await what_was_done(engine) == UNTOUCHED


async def test_a_verb_typed_behind_cursor_keys_takes_the_row_they_led_to(engine, tui, jobs):
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "alpha", "gamma", "No line yet")
        tui.bursts(app, "j", "d", "j", "d", "escape", "k", "k", "r")
        await tui.sees(pilot, "alpha was told to run")
    assert await what_was_done(engine) == (
        {"alpha": "active", "beta": "inactive", "gamma": "inactive"},
        1,
    )


async def test_each_request_reaches_the_engine_in_the_order_of_its_keys(engine, tui, jobs):
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "alpha", "gamma", "No line yet")
        tui.bursts(app, *"dadadad", "j", "d", "a")
        await tui.until(pilot, lambda: app.monitor.state.jobs[jobs[0].id].status == "inactive")
        await tui.sees(pilot, "beta is active")
    assert (await what_was_done(engine))[0] == {**UNTOUCHED[0], "alpha": "inactive"}


async def test_a_burst_answers_each_question_it_opens_and_only_that(engine, tui, jobs):
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "alpha", "gamma", "No line yet")
        # No, no (Enter alone), yes; then the question is open and y is not pressed.
        tui.bursts(app, "x", "n", "x", "enter", "j", "x", "y", "x")
        await tui.until(pilot, lambda: isinstance(app.screen, Confirm))
        await tui.sees(pilot, "Delete gamma?")
    assert sorted((await what_was_done(engine))[0]) == ["alpha", "gamma"]


async def test_deleting_twice_in_a_burst_deletes_two_jobs(engine, tui, jobs):
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "alpha", "gamma", "No line yet")
        tui.bursts(app, "x", "left", "enter", "x", "y", "d")
        await tui.sees(pilot, "gamma is inactive")
    assert await what_was_done(engine) == ({"gamma": "inactive"}, 0)


async def test_a_filter_and_the_verbs_behind_it_are_about_what_it_leaves(engine, tui, jobs):
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "alpha", "gamma", "No line yet")
        tui.bursts(app, *"/gam", "enter", "d", "escape", "g", "r")
        await tui.sees(pilot, "alpha was told to run")
    assert await what_was_done(engine) == ({**UNTOUCHED[0], "gamma": "inactive"}, 1)


async def test_a_form_typed_at_once_makes_its_job_and_the_next_verb_is_about_it(engine, tui, jobs):
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 34)) as pilot:
        await tui.sees(pilot, "alpha", "gamma", "No line yet")
        tui.bursts(app, *"nxd", "tab", "ctrl+u", *"every 7h", "ctrl+s", "d")
        await tui.sees(pilot, "xd is inactive")
    job = await engine.find_job("xd")
    assert job.active_version.schedule.seconds == 7 * 3600
    assert await what_was_done(engine) == ({**UNTOUCHED[0], "xd": "inactive"}, 0)


async def test_a_form_that_is_refused_takes_the_next_keys_in_the_field_it_points_at(
    engine, tui, jobs
):
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 34)) as pilot:
        await tui.sees(pilot, "alpha", "gamma", "No line yet")
        tui.bursts(app, *"nalpha", "tab", "ctrl+s", "x", "d")
        await tui.until(pilot, lambda: tui.typed(app, "#name").endswith("xd"))
        assert tui.typed(app, "#schedule") == "every 30s"
    assert await what_was_done(engine) == UNTOUCHED


async def test_running_and_cancelling_in_a_burst_cancels_that_run(engine, tui):
    other = await tui.make(engine, "other", LONG)
    await tui.make(engine, "long", LONG)
    await engine.trigger_job(other.id)
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "other", "long")
        tui.bursts(app, "2", "j", "r", "c")
        await tui.sees(pilot, "The execution of long is")
        tui.bursts(app, "k", "enter", "j", "escape", "j", "c")
        await tui.sees(pilot, "Nothing of long is running or waiting")
    runs = (await engine.list_executions()).executions
    assert {run.job_name: run.status for run in runs}["other"] in {"pending", "running"}


async def test_keys_behind_a_tab_or_help_reach_what_it_shows(engine, tui, jobs):
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 40)) as pilot:
        await tui.sees(pilot, "alpha", "gamma", "No line yet")
        tui.bursts(app, "?", "q", "enter", "3", "1", " ")
        await tui.sees(pilot, "held")
        assert isinstance(app.focused, LogView)
        tui.bursts(app, "escape", "ctrl+p", *"go to gam", "enter", "d")
        await tui.sees(pilot, "gamma is inactive")
    assert await what_was_done(engine) == ({**UNTOUCHED[0], "gamma": "inactive"}, 0)


@pytest.mark.parametrize("count", [30, pytest.param(150, marks=pytest.mark.soak)])
async def test_bursts_hold_with_many_jobs_while_news_arrives(engine, tui, count):
    chosen = f"{count - 5:03}"
    for number in range(count):
        await tui.make(engine, f"job-{number:03}")
    app = tui.monitor(engine)
    busy = True

    async def news():
        found = await engine.find_job(f"job-{count - 1:03}")
        while busy:
            run = await engine.trigger_job(found.id)
            await engine.wait_execution(run.id)
            await engine.update_metadata(found.id, {"at": asyncio.get_running_loop().time()})

    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "job-000", "No line yet")
        telling = asyncio.create_task(news())
        try:
            tui.bursts(app, *"/x", "escape", *"jd", *f"/b-{chosen}", "enter", *"xyd")
            await tui.sees(pilot, "No job is selected")
        finally:
            busy = False
            await telling
    found = {job.name: job.status for job in await engine.list_jobs(include_dynamic=True)}
    assert len(found) == count - 1
    assert f"job-{chosen}" not in found
    assert [name for name, status in found.items() if status == "inactive"] == ["job-001"]


async def test_a_quit_behind_a_search_is_a_letter_and_behind_a_verb_a_quit(engine, tui, jobs):
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "alpha", "gamma", "No line yet")
        tui.bursts(app, *"/q", "escape", *"dq", "a")
        await asyncio.wait_for(app.left.wait(), 90)
    assert await what_was_done(engine) == ({**UNTOUCHED[0], "alpha": "inactive"}, 0)


async def test_a_paste_behind_a_key_goes_where_the_key_led(engine, tui, jobs):
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 34)) as pilot:
        await tui.sees(pilot, "alpha", "gamma", "No line yet")
        tui.bursts(app, "n", "tab", "tab", "f7")
        app.post_message(events.Paste("async def f(job):\n    pass\n"))
        tui.bursts(app, "#")
        await tui.until(pilot, lambda: tui.typed(app, "#source").endswith("pass\n#"))
