"""The panel without a browser: its buttons, its form, what it sends, what a saved notebook shows."""

import asyncio
import json

import comm
import pytest

from luajobs_kit import Workspace
from luajobs_kit.bundle import capture
from luajobs_kit.model import JobSpec
from luajobs_kit.timing import cron, every
from luajobs_kit.widgets import JobsPanel

GREET = "async def f(job):\n    print('hi <b>')\n"


class Wire(comm.base_comm.BaseComm):
    """A comm whose other end keeps what it was sent."""

    sent: list = []  # noqa: RUF012 - one wire for every widget, emptied by the fixture

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        Wire.sent.append(data)


@pytest.fixture
def wire(monkeypatch):
    monkeypatch.setattr(comm, "create_comm", Wire)
    Wire.sent.clear()
    return Wire.sent


class Shown:
    """A panel on a workspace of this loop; ``until`` wakes at whatever its feed tells."""

    def __init__(self, panel):
        self.panel, self.live = panel, panel._live
        self.state = self.live.feed.state
        self._news, loop = asyncio.Event(), asyncio.get_running_loop()
        self.live.feed.listen(lambda _: loop.call_soon_threadsafe(self._news.set))

    async def until(self, holds):
        async with asyncio.timeout(12):
            while not holds():
                await self._news.wait()
                self._news.clear()


@pytest.fixture
async def ws(wire):
    async with Workspace.in_process() as workspace:
        yield workspace


@pytest.fixture
async def shown(ws):
    panel = JobsPanel()
    shown = Shown(panel)
    await shown.until(lambda: shown.state.link == "live")
    yield shown
    await asyncio.to_thread(panel.close)


async def make(ws, name, source=GREET):
    return await ws.jobs.create(name=name, schedule=every(hours=1), source=source)


async def test_run_now_runs_the_selected_job(ws, shown):
    await make(ws, "greeter")
    await shown.until(lambda: not shown.live.actions.run.disabled)

    shown.live.actions.run.click()

    await shown.until(
        lambda: [run.status for run in shown.state.executions.values()] == ["completed"]
    )
    assert shown.panel.note == "greeter was started."


async def test_a_job_that_cannot_fire_is_shown_with_its_note_beside_the_others(ws, shown):
    job = await ws.jobs.create(name="far", schedule=cron("0 9 * * *"), source=GREET)
    await make(ws, "greeter")
    engine = await ws.port()
    rows = engine._state.store.definitions.tinydb.table("versions")
    there = {"type": "cron", "expression": "0 9 * * *", "timezone": "Mars/Olympus"}
    rows.update({"schedule": there}, lambda row: row["jobId"] == job.id)
    await engine._core.firing.arm_as_kept(job.id)
    await engine.update_metadata(job.id, {})
    await shown.until(lambda: any(job.note for job in shown.state.jobs.values()))

    saved = shown.panel._repr_mimebundle_()["text/html"]

    assert "cron 0 9 * * *, Mars/Olympus" in saved
    assert "It cannot fire: timezone &#x27;Mars/Olympus&#x27;" in saved
    assert "greeter" in saved
    assert "It cannot fire" in repr(await ws.jobs.get_job(job.id))
    assert "It cannot fire" in (await ws.jobs.get_all(include_dynamic=True))._repr_html_()


async def test_switching_off_offers_switching_on(ws, shown):
    await make(ws, "greeter")
    actions = shown.live.actions
    await shown.until(lambda: not actions.deactivate.disabled)
    assert actions.activate.disabled

    actions.deactivate.click()

    await shown.until(lambda: actions.deactivate.disabled and not actions.activate.disabled)
    assert (await ws.jobs.get_job("greeter")).data.status == "inactive"


async def test_deleting_asks_first(ws, shown):
    await make(ws, "greeter")
    actions = shown.live.actions
    await shown.until(lambda: not actions.delete.disabled)

    actions.delete.click()
    assert actions.question.value == "Delete greeter? Its history stays."
    actions.keep.click()
    assert actions.asking.layout.display == "none"
    assert shown.state.jobs

    actions.delete.click()
    actions.confirm.click()
    await shown.until(lambda: not shown.state.jobs)


async def test_a_run_under_way_can_be_cancelled(ws, shown):
    source = "import asyncio\nasync def f(job):\n    await asyncio.sleep(600)\n"
    await make(ws, "sleeper", source)
    actions = shown.live.actions
    await shown.until(lambda: not actions.run.disabled)
    actions.run.click()
    await shown.until(lambda: any(r.status == "running" for r in shown.state.executions.values()))

    actions.cancel.click()

    await shown.until(lambda: any(r.status == "cancelled" for r in shown.state.executions.values()))


async def test_the_forms_own_template_makes_a_job_that_runs(ws, shown):
    form = shown.live.form
    shown.live.actions.new.click()
    form.name.value = "from-the-form"
    form.create.click()
    await shown.until(lambda: shown.state.selected and shown.state.selected.name == "from-the-form")

    run = await (await (await ws.jobs.get_job("from-the-form")).trigger()).wait()

    assert run.result == {"runs": 1}
    assert form.layout.display == "none"
    assert shown.panel.note == "✓ from-the-form was created."


@pytest.mark.parametrize(
    ("field", "values", "words"),
    [
        ("name", {"name": ""}, "Give the job a name"),
        ("schedule", {"schedule": "every banana"}, "is no length of time"),
        ("schedule", {"schedule": "99 * * * *"}, "minute"),
        ("source", {"source": "async def f(job):\n    return secret"}, "uses &#x27;secret&#x27;"),
        ("source", {"source": "async def f(job:"}, "does not parse"),
        ("source", {"source": "async def f(job):\n    return job.__globals__"}, "line 2"),
    ],
)
async def test_what_is_refused_is_said_beside_its_field(shown, ws, field, values, words):
    form = shown.live.form
    form.name.value = "wrong"
    for name, value in values.items():
        getattr(form, name).value = value
    said, loop = asyncio.Event(), asyncio.get_running_loop()
    form.says[field].observe(lambda _: loop.call_soon_threadsafe(said.set), "value")

    form.create.click()

    async with asyncio.timeout(12):
        while words not in form.says[field].value:
            await said.wait()
            said.clear()
    assert not await ws.jobs.get_all(include_dynamic=True)


async def test_a_taken_name_is_said_beside_the_name(ws, shown):
    await make(ws, "taken")
    form = shown.live.form
    said, loop = asyncio.Event(), asyncio.get_running_loop()
    form.says["name"].observe(lambda _: loop.call_soon_threadsafe(said.set), "value")
    form.name.value = "taken"

    form.create.click()

    await asyncio.wait_for(said.wait(), 12)
    assert "taken" in form.says["name"].value


async def test_an_exception_in_a_callback_is_said_in_the_panel(ws, shown):
    await make(ws, "greeter")
    await shown.until(lambda: shown.state.selected is not None)
    gone = shown.state.selected.evolve(id="job_gone")
    shown.state.jobs[gone.id] = gone
    shown.state.select(gone.id)

    shown.live.actions.run.click()

    await shown.until(lambda: shown.panel.note.startswith("✗"))
    assert "job_gone" in shown.panel.note


async def test_a_second_panel_of_the_same_workspace_is_the_same_live_one(ws, shown):
    again = JobsPanel()

    assert again.widget is shown.panel.widget
    assert again._live.feed is shown.live.feed


async def test_a_closed_panel_says_so_and_the_next_one_is_new(ws, wire):
    first = JobsPanel()
    await asyncio.to_thread(first.close)
    first._live.actions.new.click()  # a view of it may still be on a page
    second = JobsPanel()

    assert second.widget is not first.widget
    second.close()  # in the engine's own loop, as a cell does it


async def test_a_thousand_log_lines_cost_what_the_lines_cost(ws, shown, wire):
    source = "def f(job):\n    for n in range(1000):\n        print(f'line {n}')\n"
    job = await make(ws, "talker", source)
    await shown.until(lambda: shown.state.selected_id == job.id)
    wire.clear()

    await (await job.trigger()).wait()

    def told():
        return [data["content"] for data in list(wire) if data.get("method") == "custom"]

    def lines():
        return [line[3] for message in told() for line in message.get("lines", [])]

    await shown.until(lambda: "line 999" in lines())

    assert [line for line in lines() if line.startswith("line")] == [
        f"line {n}" for n in range(1000)
    ]
    assert len(json.dumps(told())) < 150_000  # bytes


async def test_a_change_of_one_job_among_a_thousand_costs_one_row(ws, shown, wire):
    job = (await make(ws, "seed")).data
    await shown.until(lambda: shown.state.selected_id == job.id)
    for number in range(999):
        shown.state._put(job.evolve(id=f"job_{number}", name=f"job-{number}"))
    shown.state.take()
    wire.clear()

    for number in range(20):
        shown.state._put(job.evolve(id=f"job_{number}", name=f"job-{number}", active=False))
        shown.live.table.show(shown.state.take())

    told = [data["content"] for data in wire if "jobs" in data.get("content", {})]
    assert len(told) >= 20
    assert len(json.dumps(told)) < 16_000  # bytes


async def test_a_browser_that_opens_the_panel_again_finds_everything(ws, shown):
    job = await make(ws, "greeter")
    await (await job.trigger()).wait()
    await shown.until(lambda: shown.state.selected_id == job.id and shown.state.lines)

    table = shown.live.table.get_state("snapshot")["snapshot"]
    log = shown.live.log.get_state("snapshot")["snapshot"]

    assert [row["name"] for row in table["all"]["jobs"]] == ["greeter"]
    assert log["all"]["lines"][0][3] == "hi <b>"
    assert log["n"] == shown.live.log._sent


async def test_a_browser_that_missed_a_message_asks_and_is_told_all(ws, shown, wire):
    await make(ws, "greeter")
    await shown.until(lambda: shown.state.selected)
    wire.clear()

    shown.live.table._handle_custom_msg({"ask": "all", "n": -1}, [])

    told = [data["content"] for data in wire if data and data.get("method") == "custom"]
    assert any(
        [row["name"] for row in one.get("all", {}).get("jobs", [])] == ["greeter"] for one in told
    )


async def test_a_saved_notebook_shows_a_table_and_escapes_it(ws, shown):
    spec = JobSpec(
        name="a<b>c",
        schedule=every(minutes=5),
        bundle=capture("async def f(job):\n    raise ValueError('<script>')\n"),
    )
    job = await ws.engine.create_job(spec)
    await ws.engine.wait_execution((await ws.engine.trigger_job(job.id)).id)
    await shown.until(lambda: any(run.finished for run in shown.state.executions.values()))

    shown_as = shown.panel._repr_mimebundle_()
    html = shown_as["text/html"]

    assert "a&lt;b&gt;c" in html
    assert "every 5 minutes" in html
    assert "✗ failed: ValueError: &lt;script&gt;" in html
    assert "<script" not in html
    assert shown_as["application/vnd.jupyter.widget-view+json"]["model_id"]
