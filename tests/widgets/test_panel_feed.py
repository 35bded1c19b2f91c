"""The feed: a thread of its own that knows what the engine knows, and tells small changes."""

import asyncio
import os
import signal
import threading

from luajobs_kit.client.discover import stop
from luajobs_kit.widgets.panel_connections import OwnConnection
from luajobs_kit.widgets.panel_feed import PanelFeed


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
        lambda state: [run.status for run in list(state.executions.values())] == ["completed"]
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
    assert len(watched.state.executions) == 1


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
    assert not any(told.everything for told in watched.told)


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
    feed = PanelFeed(OwnConnection(folder))
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    afresh = []

    def heard(changed):
        if changed.everything:
            afresh.append(feed.state.engine.epoch)
        loop.call_soon_threadsafe(told.set)

    feed.listen(heard)
    feed.start()
    try:
        async with asyncio.timeout(60):
            while not afresh:
                await told.wait()
                told.clear()
            os.kill(feed.state.engine.pid, signal.SIGKILL)
            while len(set(afresh)) < 2:
                await told.wait()
                told.clear()
        assert feed.state.link == "live"
    finally:
        await asyncio.to_thread(feed.close)
        await asyncio.to_thread(stop, folder)
