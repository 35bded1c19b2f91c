"""Progress that a run tells: shown with its execution, told as events, wrong amounts refused."""

import asyncio

import pytest

from luajobs_kit.engine import Engine
from luajobs_kit.engine.runs.progress_reports import LONGEST_TEXT
from luajobs_kit.model import ExecutionFinished, ProgressReported, Retry


async def run(engine, spec, body, **options):
    job = await engine.create_job(spec(body, **options))
    return await engine.wait_execution((await engine.trigger_job(job.id)).id)


async def reports(engine, follow):
    """Return what was told as progress until an execution finished."""
    told = []
    async for event in follow:
        if isinstance(event, ProgressReported):
            told.append((event.progress.done, event.progress.total, event.progress.text))
        if isinstance(event, ExecutionFinished):
            return told
    return told


async def test_the_latest_progress_is_kept_with_the_execution(engine, spec):
    done = await run(engine, spec, 'await job.progress(3, 10, "pages read")')
    assert done.status == "completed", done.error
    assert (done.progress.done, done.progress.total, done.progress.text) == (3, 10, "pages read")


async def test_a_run_that_goes_on_shows_how_far_it_is(engine, spec):
    job = await engine.create_job(
        spec("import asyncio\nawait job.progress(1, 4)\nawait asyncio.sleep(3600)")
    )
    follow = engine.events()
    begun = await engine.trigger_job(job.id)
    async for event in follow:
        if isinstance(event, ProgressReported):
            break
    running = await engine.wait_execution(begun.id, 0.01)
    while running.progress is None:  # it is written just after it is told
        running = await engine.wait_execution(begun.id, 0.01)
    assert (running.status, running.progress.share) == ("running", 0.25)
    ended = await engine.cancel_execution(begun.id)
    assert (ended.status, ended.progress.done) == ("cancelled", 1)


async def test_of_many_reports_the_first_and_the_last_are_told(engine, spec):
    follow = engine.events()
    await run(engine, spec, "for done in range(501):\n    await job.progress(done, 500)")
    told = await reports(engine, follow)
    assert told[0] == (0, 500, None)
    assert told[-1] == (500, 500, None)
    assert len(told) < 100


async def test_a_retry_begins_without_the_progress_of_the_attempt_before(engine, clock, spec):
    job = await engine.create_job(
        spec(
            "if job.execution.attempt == 1:\n    await job.progress(9, 10)\n    raise ValueError",
            retry=Retry(max_attempts=1, backoff_seconds=1),
        )
    )
    begun = await engine.trigger_job(job.id)
    await clock.advance(seconds=2)
    ended = await engine.wait_execution(begun.id)
    assert (ended.status, ended.progress) == ("completed", None), ended.error


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("job.progress(11, 10)", "job.progress(11, 10) is beyond its total"),
        ("job.progress(-1)", "done=-1, which is not a number of 0 or more"),
        ('job.progress("3")', "done='3', which is not a number"),
        ("job.progress(True)", "done=True, which is not a number"),
        ('job.progress(1, "10")', "total='10', which is not a number"),
        ("job.progress(1, 2, 3)", "The text of job.progress must be text, not int"),
        ("job.progress(None)", "done=None, which is not a number"),
    ],
)
async def test_what_is_no_progress_is_refused_with_the_line(engine, spec, call, says):
    failed = await run(engine, spec, f"await job.progress(1, 2)\nawait {call}")
    assert failed.status == "failed"
    assert says in failed.error.message
    assert failed.error.text.strip() == f"await {call}"
    assert failed.progress.done == 1


async def test_the_text_of_progress_is_cut_visibly_and_shows_no_secret(engine, spec):
    await engine.settings({"env": {"KEY": "hunter22"}})
    done = await run(engine, spec, 'await job.progress(1, 2, "hunter22" + "x" * 300)')
    assert done.status == "completed", done.error
    assert len(done.progress.text) == LONGEST_TEXT
    assert done.progress.text.startswith("•••xx")
    assert done.progress.text.endswith("…")


@pytest.mark.parametrize(
    "loop",
    [
        "async for page in job.track([1, 2, 3]): seen.append(page)",
        "for page in job.track([1, 2, 3]): seen.append(page)",
        "for page in job.track((page for page in (1, 2, 3)), total=3): seen.append(page)",
        "async for page in job.track(pages(), total=3): seen.append(page)",
    ],
)
async def test_a_tracked_loop_tells_of_all_its_items(engine, spec, loop):
    source = f"async def pages():\n    for page in (1, 2, 3):\n        yield page\nseen = []\n{loop}\nreturn seen"
    follow = engine.events()
    done = await run(engine, spec, source)
    assert done.result == [1, 2, 3], done.error
    assert (done.progress.done, done.progress.total) == (3, 3)
    assert (await reports(engine, follow))[0] == (0, 3, None)


async def test_a_loop_of_unknown_length_tells_how_many_are_done(engine, spec):
    done = await run(engine, spec, "for each in job.track(n for n in range(7)): pass")
    assert (done.progress.done, done.progress.total) == (7, None), done.error


async def test_more_items_than_were_announced_are_no_error(engine, spec):
    done = await run(engine, spec, "async for each in job.track(range(7), total=5): pass")
    assert (done.progress.done, done.progress.total) == (7, 7), done.error


async def test_a_plain_function_tells_its_progress_too(engine, spec):
    job = await engine.create_job(
        spec().evolve(
            bundle=spec().bundle.evolve(
                source="def execute(job):\n    for n in job.track(range(3), text='rows'):\n        pass\n"
            )
        )
    )
    done = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    assert (done.status, done.progress.done, done.progress.text) == ("completed", 3, "rows"), (
        done.error
    )


async def test_progress_outlives_an_engine_that_is_killed(tmp_path, spec):
    async with await Engine.open(tmp_path / "w") as engine:
        job = await engine.create_job(
            spec("import asyncio\nawait job.progress(2, 5)\nawait asyncio.sleep(3600)")
        )
        follow = engine.events()
        begun = await engine.trigger_job(job.id)
        async for event in follow:
            if isinstance(event, ProgressReported):
                break
    async with await Engine.open(tmp_path / "w") as engine:
        left = await engine.get_execution(begun.id)
        assert (left.status, left.progress.done) == ("abandoned", 2)


async def test_nothing_of_a_run_goes_on_telling_once_it_is_over(engine, spec):
    await run(engine, spec, "await job.progress(1, 2)\nawait job.progress(2, 2)")
    assert not [task for task in asyncio.all_tasks() if "_keep_telling" in repr(task)]
