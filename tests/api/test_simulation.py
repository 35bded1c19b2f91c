"""``ws.simulate``: how far it goes, and what a notebook shows of it."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from luajobs_kit import Data, InvalidInput, Jobs, NotFound, every, once
from luajobs_kit.api.simulation import describe_change


async def execute(job):
    if job.execution.fire_time.hour % 6 == 0:
        raise ValueError("<no> luck")
    await (await job.user()).send("<b>tick</b>")


@pytest.fixture
async def hourly(ws):
    return await Jobs.create(name="<hourly>", schedule=every(hours=1), execute=execute)


async def test_without_an_end_it_is_the_coming_week(ws, clock, hourly):
    found = await ws.simulate()
    assert found.end - found.start == timedelta(days=7)
    assert len(found.executions) == 168


async def test_it_goes_as_far_as_it_is_told(ws, clock, hourly):
    assert len((await ws.simulate(days=1, hours=1)).executions) == 25
    assert len((await ws.simulate(clock.now() + timedelta(hours=3))).executions) == 3


async def test_only_the_job_named_is_run(ws, clock, hourly):
    await Jobs.create(name="other", schedule=every(hours=1), execute=execute)
    found = await ws.simulate(hours=2, job="other")
    assert [run.job_name for run in found.executions] == ["other"] * 2
    with pytest.raises(NotFound):
        await ws.simulate(hours=2, job="othr")


@pytest.mark.parametrize(
    "asked",
    [
        {"until": datetime(2020, 1, 1, tzinfo=UTC)},
        {"until": datetime(2030, 2, 1, tzinfo=UTC), "days": 1},
        {"days": -1},
        {"days": float("nan")},
        {"days": 1e30},
        {"hours": "1"},
        {"hours": 1, "seed": "x"},
        {"hours": 1, "max_fires": "5"},
    ],
)
async def test_what_is_no_time_to_come_is_refused(ws, asked):
    with pytest.raises(InvalidInput):
        await ws.simulate(**asked)


async def test_a_notebook_shows_a_timeline_with_every_value_escaped(ws, hourly):
    found = await ws.simulate(days=7)
    shown = found._repr_html_()
    assert "140 completed, 28 failed" in shown
    assert "&lt;hourly&gt;" in shown
    assert "ValueError: &lt;no&gt; luck" in shown
    assert "&lt;b&gt;tick&lt;/b&gt;" in shown
    assert not re.search(r"<(hourly|no|b)>", shown)
    assert shown.count("<svg") == 1
    assert "148 more in .executions" in shown
    assert len(shown) < 20_000


async def test_a_notebook_shows_what_became_of_data(ws):
    async def tidy(job):
        from luajobs_kit import Data

        await Data.create("<new>", {"what": "<i>made</i>"})
        await Data.delete("things", job.metadata["gone"])
        await Data.update("things", job.metadata["kept"], {"count": 2, "same": True})

    gone = await Data.create("things", {"what": "<u>old</u>"})
    kept = await Data.create("things", {"count": 1, "same": True})
    await Jobs.create(
        name="tidy",
        schedule=every(hours=1),
        execute=tidy,
        metadata={"gone": gone.id, "kept": kept.id},
    )
    found = await ws.simulate(hours=1)
    assert {describe_change(change) for change in found.changes} == {
        ("added", 'what: "<i>made</i>"'),
        ("removed", 'what: "<u>old</u>"'),
        ("changed", "count: 1 → 2"),
    }
    shown = found._repr_html_()
    assert "&lt;new&gt;" in shown
    assert "&lt;i&gt;made&lt;/i&gt;" in shown
    assert not re.search(r"<(new|i|u)>", shown)


async def test_ten_thousand_runs_still_fit_in_a_notebook(ws, hourly):
    found = await ws.simulate(hours=2)
    many = type(found).of(found.evolve(executions=found.executions * 5_000))
    assert len(many._repr_html_()) < 20_000


async def test_what_would_leave_the_workspace_is_named(ws):
    async def ask(job):
        from luajobs_kit import http

        await http.get("https://example.org/<x>")

    await Jobs.create(name="asks", schedule=every(hours=1), execute=ask)
    found = await ws.simulate(hours=1)
    assert "GET https://example.org/&lt;x&gt;" in found._repr_html_()
    answered = await ws.simulate(hours=1, responses={"GET https://example.org/*": {"status": 200}})
    assert answered.refused == []


async def test_what_was_running_is_said_to_be_left_out(ws, clock):
    async def takes_long(job):
        import asyncio

        await asyncio.sleep(250)

    for name in ("<one>", "two"):
        await Jobs.create(name=name, schedule=once(minutes=1), execute=takes_long)
    assert "left out" not in (await ws.simulate(hours=1)).summary
    await clock.advance(minutes=1)
    found = await ws.simulate(hours=1)
    said = "left out: 2 executions that were running"
    assert f"{said} (<one>, two)" in repr(found)
    assert f"{said} (&lt;one&gt;, two)" in found._repr_html_()
    assert {run.job_name for run in found.left_out} == {"<one>", "two"}
