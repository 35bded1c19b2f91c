"""The form that makes a job."""

from __future__ import annotations

from textual.widgets import Input, TextArea


async def test_the_template_works_as_it_stands(engine, tui):
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 34)) as pilot:
        await tui.sees(pilot, "No job yet.")
        await pilot.press("n")
        await tui.sees(pilot, "New job", "every 30 seconds · next")
        await tui.types(pilot, "hello")
        await tui.sees(pilot, "hello")
        await pilot.press("ctrl+s")
        await tui.sees(pilot, "hello was created", "every 30s", "hello ·")
        await pilot.press("r")
        await tui.sees(pilot, "run 1 of hello", "✓ ")
        job = await engine.find_job("hello")
        assert job.metadata == {"runs": 1}
        assert job.active_version.bundle.entry == "execute"


async def test_the_schedule_is_told_in_words_while_it_is_typed(engine, tui):
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 34)) as pilot:
        await tui.sees(pilot, "No job yet.")
        await pilot.press("n")
        await tui.sees(pilot, "New job")
        field = app.screen.query_one("#schedule", Input)
        field.value = "0 8 * * 1 Europe/Berlin"
        await tui.sees(pilot, "every Monday at 08:00, Berlin time · next")
        field.value = "0 8 * * 9"
        await tui.sees(pilot, "✗ cron '0 8 * * 9'", "day of week 9 is outside")
        field.value = "in 10m"
        await tui.sees(pilot, "once, in 10 minutes · next in ")


async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_stored(engine, tui):
    await tui.make(engine, "taken")
    app = tui.monitor(engine)
    async with app.run_test(size=(100, 34)) as pilot:
        await tui.sees(pilot, "taken")
        await pilot.press("n")
        await tui.sees(pilot, "New job", "every 30 seconds")
        form = app.screen
        await pilot.press("ctrl+s")
        await tui.sees(pilot, "✗ Give the job a name")
        form.query_one("#name", Input).value = "taken"
        await pilot.press("ctrl+s")
        await tui.sees(pilot, "✗ A job named 'taken' exists")
        form.query_one("#name", Input).value = "new"
        form.query_one("#schedule", Input).value = "every fortnight"
        await tui.sees(pilot, "✗ 'fortnight' is no length of time")
        await pilot.press("ctrl+s")
        await tui.sees(pilot, "✗ 'fortnight' is no length of time")
        form.query_one("#schedule", Input).value = "every 30s"
        form.query_one("#source", TextArea).text = "async def f(job):\n    return missing\n"
        await pilot.press("ctrl+s")
        await tui.sees(pilot, "✗ f uses 'missing' (line 2)")
        form.query_one("#source", TextArea).text = "async def f(job):\n    return (\n"
        await pilot.press("ctrl+s")
        await tui.sees(pilot, "never closed")
        form.query_one("#source", TextArea).text = "async def f(job):\n    return ().__mro__\n"
        await pilot.press("ctrl+s")
        await tui.sees(pilot, "line 2: .__mro__ belongs")
    assert [job.name for job in await engine.list_jobs(include_dynamic=True)] == ["taken"]
