"""The monitor as its user sees it, over a real engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from luajobs_kit.acting_user import acting_as
from luajobs_kit.clock import VirtualClock
from luajobs_kit.engine import Engine
from luajobs_kit.errors import NotFound
from luajobs_kit.timing import cron, every, once
from luajobs_tui.widgets.job_table import JobTable
from luajobs_tui.widgets.log_view import LogView

SMALL = (80, 24)
LONG = (
    "import asyncio\nasync def wait(job):\n    job.log.info('begun')\n    await asyncio.sleep(60)\n"
)
FAILS = "async def look_up(job):\n    found = {}\n    return found['missing']\n"


async def test_every_job_is_on_one_line_with_user_schedule_status_and_next_fire(engine, tui):
    with acting_as("user_amy"):
        await tui.make(engine, "daily-report", schedule=every(minutes=30))
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(
            pilot, "daily-report", "amy", "every 30m", "● active", "29m 5", "not yet run"
        )
        await tui.sees(pilot, "/tmp/work/.luajobs", "● live", "engine ")


async def test_a_small_terminal_shows_jobs_tabs_and_every_key(engine, tui):
    await tui.make(engine, "daily-report")
    app = tui.monitor(engine)
    async with app.run_test(size=SMALL) as pilot:
        await tui.sees(pilot, "daily-report", "every 1h", "59m 5", "not yet run", "No line yet")
        await tui.sees(pilot, "Log", "Executions", "Code", "Schedule", "Messages", "Quit")


async def test_r_runs_the_job_and_its_log_and_outcome_appear(engine, tui):
    await tui.make(engine, "greeter")
    app = tui.monitor(engine)
    async with app.run_test(size=SMALL) as pilot:
        await tui.sees(pilot, "greeter", "No line yet")
        await pilot.press("r")
        await tui.sees(pilot, "✓ ", "info  hello there", "greeter was told to run")


async def test_d_and_a_switch_the_schedule_off_and_on(engine, tui):
    job = await tui.make(engine, "greeter")
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "● active")
        await pilot.press("d")
        await tui.sees(pilot, "○ inactive")
        assert not (await engine.get_job(job.id)).active
        await pilot.press("a")
        await tui.sees(pilot, "● active")


async def test_what_the_engine_refuses_is_said_in_a_line(engine, tui):
    job = await tui.make(engine, "reminder", schedule=once(seconds=0))
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "reminder", "✓ ", "○ inactive")
        await pilot.press("a")
        await tui.sees(pilot, "✗ reminder was to run once", "has passed")
        assert (await engine.get_job(job.id)).status == "inactive"


async def test_x_asks_first_and_enter_keeps_the_job(engine, tui):
    job = await tui.make(engine, "greeter")
    app = tui.monitor(engine)
    async with app.run_test(size=SMALL) as pilot:
        await tui.sees(pilot, "greeter")
        await pilot.press("x")
        await tui.sees(pilot, "Delete greeter?")
        await pilot.press("enter")
        await tui.sees_no(pilot, "Delete greeter?")
        assert await engine.get_job(job.id)
        await pilot.press("x")
        await tui.sees(pilot, "Delete greeter?")
        await pilot.press("y")
        await tui.sees(pilot, "No job yet.", "was deleted")
    with pytest.raises(NotFound):
        await engine.get_job(job.id)


async def test_c_cancels_the_run_that_is_under_way(engine, tui):
    job = await tui.make(engine, "long", LONG)
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "long")
        await pilot.press("c")
        await tui.sees(pilot, "Nothing of long is running or waiting.")
        await pilot.press("r")
        await tui.sees(pilot, "▶ running", "begun")
        await pilot.press("c")
        await tui.sees(pilot, "is cancelled", "○ ")
        page = await engine.list_executions(job.id)
        assert page.executions[0].status == "cancelled"


async def test_the_cursor_stays_with_its_job_when_others_come_and_go(engine, tui):
    first = await tui.make(engine, "first")
    await tui.make(engine, "second")
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "second", "first ·")
        await pilot.press("down")
        await tui.sees(pilot, "second ·")
        await tui.make(engine, "third")
        await tui.sees(pilot, "third")
        await engine.delete_job(first.id)
        await tui.until(pilot, lambda: app.monitor.query_one(JobTable).row_count == 2)
        await tui.sees(pilot, "second ·")
        await pilot.press("r")
        await tui.sees(pilot, "second was told to run")


async def test_slash_filters_the_jobs_and_escape_brings_them_back(engine, tui):
    await tui.make(engine, "alpha")
    await tui.make(engine, "beta")
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "alpha", "beta")
        await pilot.press("slash")
        await tui.types(pilot, "bet")
        await tui.sees(pilot, "1 of 2", "Jobs 1 of 2", "beta ·")
        assert "alpha" not in tui.screen(app)
        await pilot.press("enter")
        await tui.sees(pilot, "filter: bet")
        await pilot.press("escape")
        await tui.sees(pilot, "alpha", "Jobs 2")


async def test_what_is_typed_behind_slash_is_a_query_completed_and_told_where_it_is_wrong(
    engine, tui
):
    await tui.make(engine, "alpha")
    await engine.deactivate_job((await tui.make(engine, "beta")).id)
    app = tui.monitor(engine)
    async with app.run_test(size=(120, 30)) as pilot:
        await tui.sees(pilot, "alpha", "beta")
        await pilot.press("slash")
        await tui.types(pilot, "status:ina")
        await tui.sees(pilot, '"ina" is none of', "Jobs 2", "status:inactive")  # as suggested
        await pilot.press("right")
        await tui.sees(pilot, "1 of 2", "Jobs 1 of 2", "beta ·")


async def test_a_failure_is_shown_with_its_line_in_executions_and_in_the_code(engine, tui):
    await tui.make(engine, "fails", FAILS)
    app = tui.monitor(engine)
    async with app.run_test(size=(110, 36)) as pilot:
        await tui.sees(pilot, "fails")
        await pilot.press("r")
        await tui.sees(pilot, "✗ ", "KeyError")
        await pilot.press("2")
        await tui.sees(
            pilot, "✗ failed", "manual", "KeyError: 'missing'", "fails.py line 3", "return found"
        )
        await pilot.press("3")
        await tui.sees(
            pilot, "look_up(job) · version 1.0.0", "1 │ async def look_up", "3 ✗ ", "← KeyError"
        )


async def test_the_schedule_tab_tells_the_next_fires_and_the_metadata(engine, tui):
    await tui.make(engine, "greeter", metadata={"message": "hi"}, schedule=every(minutes=10))
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "greeter")
        await pilot.press("4")
        await tui.sees(
            pilot, "every 10 minutes", "in 9m 5", "in 49m 5", '"message": "hi"', "at most 5m"
        )
        await engine.update_metadata(app.monitor.state.selected.id, {"message": "changed"})
        await tui.sees(pilot, '"message": "changed"')


async def test_a_job_that_cannot_fire_is_shown_with_its_note_beside_the_others(engine, tui):
    job = await tui.make(engine, "elsewhere", schedule=cron("0 9 * * *", "Europe/Berlin"))
    await tui.make(engine, "greeter")
    rows = engine._state.store.definitions.tinydb.table("versions")
    there = {"type": "cron", "expression": "0 9 * * *", "timezone": "Mars/Olympus"}
    rows.update({"schedule": there}, lambda row: row["jobId"] == job.id)
    await engine._core.firing.arm_as_kept(job.id)
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "elsewhere", "It cannot fire", "greeter", "59m 5")
        await pilot.press("end", "4")
        await tui.sees(pilot, "cron 0 9 * * *, Mars/Olympus", "is not a known time zone")


async def test_the_messages_tab_shows_the_inbox_of_the_jobs_user(engine, tui):
    source = "async def tell(job):\n    await (await job.user()).send('time for tea')\n"
    with acting_as("user_amy"):
        await tui.make(engine, "teller", source)
        await engine.call("user.send", {"messages": "from somewhere else"})
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "teller")
        await pilot.press("5")
        await tui.sees(pilot, "from somewhere else")
        await pilot.press("r")
        await tui.sees(pilot, "teller → amy", "time for tea")


async def test_the_log_can_be_held_searched_and_followed_again(engine, tui):
    source = (
        "async def count(job):\n    for n in range(40):\n        job.log.info(f'line {n:02}')\n"
    )
    await tui.make(engine, "counter", source)
    app = tui.monitor(engine)
    async with app.run_test(size=SMALL) as pilot:
        await tui.sees(pilot, "counter")
        await pilot.press("r")
        await tui.sees(pilot, "line 39", "following")
        await pilot.press("enter", "space")
        await tui.sees(pilot, "held")
        await pilot.press("r")
        await tui.sees(pilot, "held · 40 new")
        await pilot.press("slash")
        await tui.types(pilot, "line 05")
        await tui.sees(pilot, "search log", "2 of 2", "line 05")
        await pilot.press("enter")
        await tui.sees(pilot, "1 of 2")
        await pilot.press("escape", "f")
        await tui.sees(pilot, "following", "line 39")


async def test_a_log_that_is_held_stays_so_when_it_is_read_again(engine, tui):
    await tui.make(engine, "greet")
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 40)) as pilot:
        await tui.sees(pilot, "greet", "No line yet", "following")
        await pilot.press("enter", "space")
        await tui.sees(pilot, "held")
        app.monitor.state.look("log")  # as when its tab is turned to, or its lines have come
        app.monitor.paint_soon()
        app.monitor.paint_now()
        assert not app.monitor.query_one(LogView).following


async def test_a_fire_on_schedule_is_counted_down_to_and_then_shown(tui):
    clock = VirtualClock(datetime(2026, 3, 2, 8, 0, tzinfo=UTC))
    async with await Engine.open(None, clock=clock) as engine:
        await tui.make(engine, "greeter", schedule=every(minutes=30))
        app = tui.monitor(engine)
        async with app.run_test(size=(100, 30)) as pilot:
            await tui.sees(pilot, "not yet run", "29m 5")
            await clock.advance(minutes=30)
            await tui.sees(pilot, "✓ ", "hello there")
            await pilot.press("2")
            await tui.sees(pilot, "✓ completed", "schedule")


async def test_an_engine_that_ends_is_sought_again_and_the_screen_says_so(tui):
    engine = await Engine.open(None)
    await tui.make(engine, "greeter")
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "greeter", "● live")
        await engine.aclose()
        await tui.sees(pilot, "◌ reconnecting")
        await tui.sees(pilot, "greeter")


async def test_without_jobs_the_first_step_is_taught(engine, tui):
    app = tui.monitor(engine)
    async with app.run_test(size=SMALL) as pilot:
        await tui.sees(pilot, "No job yet.", "Press  n  to create", "Jobs.create")
        await tui.make(engine, "greeter")
        await tui.sees(pilot, "greeter", "every 1h")


async def test_help_and_the_palette_name_every_command(engine, tui):
    await tui.make(engine, "alpha")
    await tui.make(engine, "beta")
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 40)) as pilot:
        await tui.sees(pilot, "beta")
        await pilot.press("question_mark")
        await tui.sees(pilot, "cancel the execution", "filter the jobs", "ctrl+p")
        await pilot.press("escape")
        await pilot.press("ctrl+p")
        await tui.types(pilot, "go to beta")
        await tui.sees(pilot, "Go to beta")
        await pilot.press("enter")
        await tui.sees(pilot, "beta ·")


async def test_a_jobs_words_cannot_give_orders_to_the_terminal(engine, tui):
    source = (
        "async def f(job):\n    job.log.info('\\x1b[2J\\x1b]0;owned\\x07[bold]not markup[/bold]')\n"
    )
    await tui.make(engine, "[red]name[/red]", source)
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "[red]name[/red]")
        await pilot.press("r")
        await tui.sees(pilot, "␛[2J␛]0;owned␇[bold]not markup[/bold]")
        assert "\x1b" not in tui.screen(app)


async def test_another_theme_and_another_size_keep_every_job_readable(engine, tui):
    await tui.make(engine, "greeter", schedule=once(at=datetime.now(UTC) + timedelta(days=30)))
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await tui.sees(pilot, "greeter", "29d")
        before = colour_of(app, "greeter").triplet.hex
        app.theme = "textual-light"
        await tui.until(pilot, lambda: colour_of(app, "greeter").triplet.hex != before)
        await pilot.resize_terminal(200, 40)
        await tui.sees(pilot, "greeter", "● active", "No line yet")
        await pilot.resize_terminal(*SMALL)
        await tui.sees(pilot, "greeter", "29d")


def colour_of(app, word):
    """The colour a word is written in."""
    strips = app.screen._compositor.render_strips()
    return next(s.style.color for strip in strips for s in strip if s.text.strip() == word)
