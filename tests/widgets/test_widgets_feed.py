"""The feed: a thread of its own that knows what the engine knows, and tells small changes."""

import asyncio
import subprocess
import sys
import threading

from luajobs_kit.client.discover import stop
from luajobs_kit.model import LogLine, LogSource, LogWritten
from luajobs_kit.widgets.connection import OwnConnection
from luajobs_kit.widgets.feed import Feed
from luajobs_kit.widgets.state import JOBS_KEPT, LINES_KEPT, PanelState


def names(state):
    return [job.name for job in list(state.jobs.values())]


async def test_what_was_there_before_is_read_and_what_comes_is_followed(watch, make):
    await make("early")
    watched = watch()
    await watched.until(lambda state: names(state) == ["early"])

    await make("later")
    await watched.until(lambda state: names(state) == ["early", "later"])
    assert watched.state.link == "live"


async def test_the_selected_jobs_run_shows_its_log_its_outcome_and_its_message(watch, make, engine):
    job = await make("greeter")
    watched = watch()
    await watched.until(lambda state: state.selected_id == job.id)

    await engine.trigger_job(job.id)
    await watched.until(
        lambda state: [run.status for run in list(state.runs.values())] == ["completed"]
    )
    await watched.until(lambda state: list(state.messages))

    assert [line.message for line in watched.state.lines] == ["hello"]
    assert watched.state.messages[0].text == "good day"
    assert watched.state.jobs[job.id].last_execution.status == "completed"


async def test_another_jobs_log_is_read_when_it_is_selected(watch, make, engine):
    first = await make("first")
    await engine.wait_execution((await engine.trigger_job(first.id)).id)
    await make("second")
    watched = watch()
    await watched.until(lambda state: len(state.jobs) == 2)
    assert not watched.state.lines  # the newest job is looked at first

    await watched.do(watched.feed.select(first.id))

    assert [line.message for line in watched.state.lines] == ["hello"]
    assert len(watched.state.runs) == 1


async def test_a_change_of_one_job_tells_that_job_alone(watch, make, engine):
    jobs = [await make(f"job-{number}") for number in range(5)]
    watched = watch()
    await watched.until(lambda state: len(state.jobs) == 5)
    await watched.until(lambda state: state.link == "live")
    watched.told.clear()

    await engine.deactivate_job(jobs[2].id)
    await watched.until(lambda state: state.jobs[jobs[2].id].status == "inactive")
    await watched.until(lambda _: any(told.jobs for told in watched.told))

    assert {key for told in watched.told for key in told.jobs} == {jobs[2].id}
    assert not any(told.table for told in watched.told)


async def test_a_deleted_job_is_gone_and_another_can_be_looked_at(watch, make, engine):
    job = await make("short-lived")
    watched = watch()
    await watched.until(lambda state: state.selected_id == job.id)

    await engine.delete_job(job.id)
    await watched.until(lambda state: not state.jobs)

    assert watched.state.selected is None


async def test_what_the_panel_asks_is_asked_as_its_user(watch, make, engine):
    watched = watch(user="user_alice")

    user = await watched.do(watched.feed.ask(lambda port: port.call("user.get", {})))

    assert user["id"] == "user_alice"


async def test_closing_ends_the_thread(watch):
    watched = watch()
    await watched.until(lambda state: state.link == "live")
    thread = next(one for one in threading.enumerate() if one.name == "luajobs-panel")

    await watched.close()

    assert not thread.is_alive()
    assert not watched.feed.alive


async def test_an_engine_that_dies_is_found_again_and_everything_read_afresh(tmp_path):
    folder = tmp_path / ".luajobs"
    folder.mkdir(mode=0o700)
    feed = Feed(lambda: OwnConnection(folder))
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    afresh = []

    def heard(changed):
        if changed.table:
            afresh.append(feed.state.engine.epoch)
        loop.call_soon_threadsafe(told.set)

    feed.listen(heard)
    feed.start()
    try:
        async with asyncio.timeout(60):
            while not afresh:
                await told.wait()
                told.clear()
            await asyncio.to_thread(stop, folder)
            while len(set(afresh)) < 2:
                await told.wait()
                told.clear()
        assert feed.state.link == "live"
    finally:
        await asyncio.to_thread(feed.close)
        await asyncio.to_thread(stop, folder)


async def test_a_thousand_jobs_are_kept_the_newest_and_the_selected_one(make):
    one = await make("seed")
    state = PanelState()
    state.select(one.id)
    state._put(one)
    for number in range(JOBS_KEPT + 5):
        state._put(one.evolve(id=f"job_{number}", name=f"n{number}"))

    assert len(state.jobs) == JOBS_KEPT
    assert one.id in state.jobs
    assert state.left_out == 6
    assert f"job_{JOBS_KEPT + 4}" in state.jobs


async def test_the_log_keeps_to_its_tail_and_takes_each_line_once(make, engine):
    job = await make("talker")
    state = PanelState()
    state.select(job.id)
    now = (await engine.status()).now
    source = LogSource(primitive_id=job.id, primitive_name=job.name)
    for seq in [*range(1, LINES_KEPT + 10), 5]:
        line = LogLine(seq=seq, timestamp=now, message=str(seq), metadata=source)
        state.apply(LogWritten(at=now, line=line))

    assert len(state.lines) == LINES_KEPT
    assert state.lines[-1].seq == LINES_KEPT + 9
    assert len(state.take().lines) == LINES_KEPT


async def test_a_page_of_log_that_comes_late_loses_nothing_that_came_meanwhile(make, engine):
    job = await make("talker")
    state = PanelState()
    state.select(job.id)
    now = (await engine.status()).now
    source = LogSource(primitive_id=job.id, primitive_name=job.name)
    lines = [
        LogLine(seq=seq, timestamp=now, message=str(seq), metadata=source) for seq in range(1, 5)
    ]
    state.apply(LogWritten(at=now, line=lines[2]))
    state.apply(LogWritten(at=now, line=lines[3]))

    state.fill(job.id, [lines[2], lines[1], lines[0]], [])

    assert [line.seq for line in state.lines] == [1, 2, 3, 4]


async def test_reading_afresh_shows_how_a_run_ended_meanwhile(make, engine):
    job = await make("greeter")
    running = await engine.trigger_job(job.id)
    state = PanelState()
    status = await engine.status()
    state.refresh(status, [job], [])
    state.fill(job.id, [], [running])
    ended = await engine.wait_execution(running.id)

    state.refresh(status, [job], [])
    state.fill(job.id, [], [ended])

    assert [run.status for run in state.runs.values()] == ["completed"]


async def test_reading_afresh_leaves_nothing_of_a_selected_job_that_is_gone(make, engine):
    gone, left = await make("gone"), await make("left")
    run = await engine.wait_execution((await engine.trigger_job(gone.id)).id)
    state = PanelState()
    status = await engine.status()
    state.refresh(status, [gone], [])
    state.fill(gone.id, [], [run])

    state.refresh(status, [left], [])

    assert state.selected_id == left.id
    assert not state.runs
    assert state.take().detail


def test_the_headless_core_loads_no_widgets():
    program = (
        "import sys, luajobs_kit.widgets.feed, luajobs_kit.widgets.rows;"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    loaded = set(answer.stdout.split())
    assert not loaded & {"ipywidgets", "anywidget", "traitlets", "IPython", "textual", "click"}
