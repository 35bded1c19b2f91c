"""What becomes of a run: its outcome, its attempts, its end by other hands."""

import asyncio
import itertools
from datetime import timedelta

import pytest

from luajobs_kit.engine import Engine
from luajobs_kit.errors import NotFound, WorkspaceError
from luajobs_kit.model import Bundle, LogQuery, Retry
from luajobs_kit.port import ToolOffer


async def ran(engine, job):
    run = await engine.trigger_job(job.id)
    return await engine.wait_execution(run.id, 30)


async def test_a_failure_names_the_type_the_message_and_the_users_own_line(engine, spec):
    job = await engine.create_job(spec("x = 1\nprint('before')\nraise ValueError('no luck')"))
    run = await ran(engine, job)
    error = run.error
    assert (run.status, error.type, error.message) == ("failed", "ValueError", "no luck")
    assert (error.line, error.text, error.file) == (4, "raise ValueError('no luck')", "notebook.py")
    messages = [line.message for line in (await engine.logs(LogQuery(job_id=job.id))).logs]
    assert messages == ["ValueError: no luck (line 4: raise ValueError('no luck'))", "before"]


async def test_a_run_over_its_time_is_timeout_and_keeps_what_it_logged(engine, spec):
    job = await engine.create_job(spec("print('here')\nwhile True: pass", timeout=1))
    run = await ran(engine, job)
    assert (run.status, run.error.type) == ("timeout", "Timeout")
    messages = [line.message for line in (await engine.logs(LogQuery(job_id=job.id))).logs]
    assert "here" in messages


async def test_a_run_that_eats_all_memory_is_killed_with_that_reason(engine, spec):
    job = await engine.create_job(
        spec("print('here')\nbig = []\nwhile True: big.append('x' * 10**7 + str(len(big)))")
    )
    run = await ran(engine, job)
    assert run.status == "killed"
    assert "memory" in run.error.message.lower()


async def test_each_attempt_is_seen_and_waits_its_backoff(engine, clock, spec):
    job = await engine.create_job(
        spec(
            "raise ValueError(job.execution.attempt)",
            retry=Retry(max_attempts=2, backoff_seconds=60),
        )
    )
    run = await engine.trigger_job(job.id)
    await clock.advance(seconds=0)
    run = await engine.get_execution(run.id)
    assert (run.status, run.retry_count) == ("pending", 1)
    assert run.next_attempt_at - clock.now() == timedelta(seconds=60)
    await clock.advance(minutes=5)
    run = await engine.get_execution(run.id)
    assert (run.status, run.retry_count, run.next_attempt_at) == ("failed", 2, None)
    assert [attempt.error.message for attempt in run.attempts] == ["1", "2", "3"]
    starts = [attempt.started_at for attempt in run.attempts]
    assert [later - first for first, later in itertools.pairwise(starts)] == [
        timedelta(seconds=60)
    ] * 2


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [("fixed", [10, 10, 10]), ("linear", [10, 20, 30]), ("exponential", [10, 20, 40])],
)
async def test_backoff_grows_as_declared(engine, clock, spec, backoff, waits):
    retry = Retry(max_attempts=3, backoff_seconds=10, backoff=backoff)
    job = await engine.create_job(spec("raise ValueError", retry=retry))
    run = await engine.trigger_job(job.id)
    await clock.advance(minutes=5)
    starts = [attempt.started_at for attempt in (await engine.get_execution(run.id)).attempts]
    assert [(b - a).total_seconds() for a, b in itertools.pairwise(starts)] == waits


async def test_a_running_execution_can_be_cancelled(engine, spec):
    job = await engine.create_job(spec("print('on')\nwhile True: pass"))
    run = await engine.trigger_job(job.id)
    async for event in engine.events(f"{(await engine.status()).epoch}.0"):
        if event.type == "LogWritten":
            break
    run = await engine.cancel_execution(run.id)
    assert (run.status, run.attempts[0].status) == ("cancelled", "cancelled")


async def test_a_waiting_retry_can_be_cancelled(engine, clock, spec):
    job = await engine.create_job(
        spec("raise ValueError", retry=Retry(max_attempts=3, backoff_seconds=60))
    )
    run = await engine.trigger_job(job.id)
    await clock.advance(seconds=1)
    cancelled = await engine.cancel_execution(run.id)
    assert (cancelled.status, cancelled.next_attempt_at) == ("cancelled", None)
    await clock.advance(seconds=50)
    assert len((await engine.get_execution(run.id)).attempts) == 1


async def test_trigger_works_on_an_inactive_job_and_moves_no_fire(engine, clock, spec):
    job = await engine.create_job(spec(activate=False))
    run = await ran(engine, job)
    assert (run.status, run.cause, run.fire_time) == ("completed", "manual", None)
    active = await engine.activate_job(job.id)
    await clock.advance(seconds=20)
    await ran(engine, job)
    assert (await engine.get_job(job.id)).next_run_at == active.next_run_at


async def test_the_same_key_triggers_once(engine, spec):
    job = await engine.create_job(spec())
    first = await engine.trigger_job(job.id, key="k")
    await engine.wait_execution(first.id, 30)
    assert (await engine.trigger_job(job.id, key="k")).id == first.id
    assert (await engine.list_executions(job.id)).total == 1


async def test_a_job_works_on_itself(engine, spec):
    job = await engine.create_job(
        spec(
            """
            await job.update_metadata({'runs': job.metadata.get('runs', 0) + 1})
            await job.deactivate()
            return job.metadata['runs']
            """
        )
    )
    run = await ran(engine, job)
    assert (run.status, run.result) == ("completed", 1), run.error
    job = await engine.get_job(job.id)
    assert (job.metadata, job.status) == ({"runs": 1}, "inactive")


async def test_a_job_may_delete_itself_and_its_history_stays(engine, spec):
    job = await engine.create_job(spec("await job.delete()\nreturn 'gone'"))
    run = await ran(engine, job)
    assert (run.status, run.result) == ("completed", "gone")
    with pytest.raises(NotFound):
        await engine.get_job(job.id)
    assert (await engine.list_executions(job.id)).total == 1


async def test_a_job_that_triggers_itself_is_capped(engine, spec):
    job = await engine.create_job(
        spec(
            """
            from luajobs_kit import NotAllowed
            try:
                await job.trigger()
            except NotAllowed as refused:
                return str(refused)
            """
        )
    )
    await engine.trigger_job(job.id)
    async for event in engine.events():
        if event.type == "ExecutionFinished" and event.execution.result:
            assert "10 times within a minute" in event.execution.result
            break
    assert (await engine.list_executions(job.id)).total == 11


async def test_a_run_has_its_user_and_messages_say_where_they_came_from(engine, spec):
    job = await engine.create_job(spec("user = await job.user()\nawait user.send('hi ' + user.id)"))
    run = await ran(engine, job)
    assert run.status == "completed", run.error
    [message] = await engine.call("user.history", {})
    assert message["content"] == [{"type": "text", "text": f"hi {job.user_id}"}]
    assert (message["jobName"], message["executionId"]) == ("job", run.id)


async def test_a_predefined_job_has_no_user_and_says_what_to_use(engine, spec):
    job = await engine.create_job(spec("await job.user()", dynamic=False))
    run = await ran(engine, job)
    assert run.status == "failed"
    assert "User.get" in run.error.message


async def test_a_deleted_jobs_waiting_retry_is_cancelled(engine, clock, spec):
    job = await engine.create_job(
        spec("raise ValueError", retry=Retry(max_attempts=3, backoff_seconds=60))
    )
    run = await engine.trigger_job(job.id)
    await clock.advance(seconds=1)
    await engine.delete_job(job.id)
    assert (await engine.get_execution(run.id)).status == "cancelled"


async def test_a_secret_shows_neither_in_the_log_nor_in_an_error(engine, spec):
    await engine.settings({"env": {"API_KEY": "sk-very-secret"}})
    job = await engine.create_job(spec("print(env('API_KEY'))\nraise ValueError(env('API_KEY'))"))
    run = await ran(engine, job)
    assert run.error.message == "•••"
    lines = (await engine.logs(LogQuery(job_id=job.id))).logs
    assert not any("sk-very" in line.message for line in lines)


SECRET = "p\"a's\\s\nwörd-open"


async def everything_told(engine, job):
    """Run a job; return all that is told of the run, as text: lines, events, the execution."""
    news = engine.events()
    run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    lines = (await engine.logs(LogQuery(job_id=job.id, limit=1000))).logs
    told = [run.model_dump_json()]
    async for event in news:
        told.append(event.model_dump_json())
        if event.type == "ExecutionFinished":
            break
    return "\n".join([*told, *(line.message for line in lines)])


@pytest.mark.parametrize(
    "body",
    [
        "import json; print({'k': key}); print(json.dumps([key])); print(repr(key))",
        "class Named(Exception): pass\nNamed.__name__ = 'E' + key\nraise Named('told')",
        "raise ExceptionGroup(key, [ValueError(key), KeyError(key)])",
        "raise KeyError(key)",
        "raise ValueError('x' * 3_990 + key)",
        "error = ValueError('a'); error.add_note('x' * 3_990 + key); raise error",
        "try: raise ValueError('x' * 970 + key)\nexcept ValueError: raise RuntimeError from None",
        "try: raise ValueError('x' * 940 + key)\nexcept ValueError as error: raise RuntimeError from error",
        "print('x' * 63_990 + key)",
        "import urllib.parse; print(urllib.parse.quote(key))",
        "await Jobs.get_job('x' * 268 + key + 'x' * 400)",
        "await job.progress(1, 2, 'x' * 190 + key)",
    ],
)
async def test_a_secret_shows_in_no_form_and_is_not_cut_in_half(engine, spec, body):
    await engine.settings({"env": {"KEY": SECRET}})
    job = await engine.create_job(spec(f"key = env('KEY')\n{body}"))
    told = await everything_told(engine, job)
    for part in ("wörd", "w\\u00f6rd", "w\\xf6rd", "w%C3%B6rd", "a's"):
        assert part not in told
    assert "•••" in told or "from None" in body, told


async def test_a_value_that_is_changed_during_the_run_stays_masked(engine, spec):
    await engine.settings({"env": {"KEY": "the-old-value"}})
    job = await engine.create_job(
        spec(
            'key = env("KEY")\nnew = await tools.new()\nprint(key, new)\nraise ValueError(key + new)'
        )
    )
    calls = engine.offer([ToolOffer(name="new")])
    run = await engine.trigger_job(job.id)
    call = await anext(calls)
    await engine.settings({"env": {"KEY": "a-new-value"}})
    await engine.answer(call.id, "a-new-value")
    run = await engine.wait_execution(run.id)
    assert run.error.message == "••••••"
    lines = (await engine.logs(LogQuery(job_id=job.id))).logs
    assert not any("value" in line.message.replace("ValueError", "") for line in lines)


class Slowed:
    """Holds up one method of the history until told to go on, or has it fail."""

    def __init__(self, monkeypatch, engine, method, held):
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()
        real = getattr(engine._state.store.history, method)

        async def slowed(execution, *given, **named):
            if held(execution):
                self.reached.set()
                await self.go_on.wait()
            return await real(execution, *given, **named)

        monkeypatch.setattr(engine._state.store.history, method, slowed)


async def test_what_is_being_cancelled_does_not_begin_when_the_one_before_ends(
    engine, spec, monkeypatch
):
    job = await engine.create_job(spec("return 'ran'", overlap="allow", max_concurrent=1))
    slowed = Slowed(monkeypatch, engine, "record", lambda run: run.status == "cancelled")
    # However quick the first one is, it ends only once the second one is being cancelled.
    ending = Slowed(monkeypatch, engine, "record", lambda run: run.status == "completed")
    first, second = await engine.trigger_job(job.id), await engine.trigger_job(job.id)
    cancelling = asyncio.create_task(engine.cancel_execution(second.id))
    await slowed.reached.wait()
    ending.go_on.set()
    assert (await engine.wait_execution(first.id, 30)).status == "completed"
    again = asyncio.create_task(engine.cancel_execution(second.id))
    await asyncio.sleep(0.3)  # in which it would have run
    slowed.go_on.set()
    assert (await cancelling).attempts == (await again).attempts == []
    assert (await engine.get_execution(second.id)).status == "cancelled"


async def test_a_job_deleted_while_it_is_triggered_does_not_run(engine, spec, monkeypatch):
    job = await engine.create_job(spec())
    slowed = Slowed(monkeypatch, engine, "claim", lambda _: True)
    triggering = asyncio.create_task(engine.trigger_job(job.id))
    await slowed.reached.wait()
    await engine.delete_job(job.id)
    slowed.go_on.set()
    run = await engine.get_execution((await triggering).id)
    assert (run.status, run.attempts) == ("cancelled", [])


async def test_a_waiting_retry_holds_no_place_of_those_that_run_at_once(engine, spec):
    retry = Retry(max_attempts=1, backoff_seconds=3600)
    body = "raise ValueError"
    job = await engine.create_job(spec(body, overlap="allow", max_concurrent=1, retry=retry))
    runs = [await engine.trigger_job(job.id) for _ in range(2)]
    async with asyncio.timeout(30):
        while [len((await engine.get_execution(run.id)).attempts) for run in runs] != [1, 1]:  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0.02)


async def test_an_end_that_cannot_be_kept_holds_up_no_other_run(engine, spec, monkeypatch):
    job = await engine.create_job(spec(overlap="allow", max_concurrent=1))
    history = engine._state.store.history
    real = history.record

    async def fails(execution, *given, **named):
        if execution.status == "completed":
            monkeypatch.setattr(history, "record", real)
            raise WorkspaceError("The disk is gone.")
        await real(execution, *given, **named)

    monkeypatch.setattr(history, "record", fails)
    runs = [await engine.trigger_job(job.id) for _ in range(2)]
    assert (await engine.wait_execution(runs[1].id, 30)).status == "completed"
    assert (await engine.status()).running == 0


async def test_job_code_cannot_flood_another_job_with_triggers(engine, spec):
    other = await engine.create_job(spec(name="other"))
    job = await engine.create_job(
        spec(f"other = await Jobs.get_job({other.id!r})\nfor _ in range(50): await other.trigger()")
    )
    run = await ran(engine, job)
    assert (run.status, run.error.type) == ("failed", "NotAllowed")
    assert (await engine.list_executions(other.id)).total == 10


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("end", ["return 1", "raise ValueError('no')"])
async def test_what_a_run_changes_in_place_and_does_not_keep_is_in_its_log(engine, spec, kind, end):
    source = f"{kind} execute(job):\n    job.metadata['seen'].append(1)\n    {end}\n"
    bundle = Bundle(source=source, entry="execute", file="notebook.py")
    job = await engine.create_job(spec().evolve(bundle=bundle, metadata={"seen": []}))
    execution = await engine.trigger_job(job.id)
    await engine.wait_execution(execution.id)
    lines = (await engine.logs(LogQuery(job_id=job.id))).logs
    [line] = [line.message for line in lines if line.sub_type == "warn"]
    assert line == (
        'job.metadata["seen"] was changed here and not kept: '
        'await job.update_metadata({"seen": job.metadata["seen"]}) keeps it'
    )


async def test_an_engine_that_ends_gives_what_runs_its_grace(folder, spec):
    engine = await Engine.open(folder)
    job = await engine.create_job(spec("import asyncio; await asyncio.sleep(0.3)"))
    news = engine.events()
    run = await engine.trigger_job(job.id)
    async for event in news:
        if event.type == "ExecutionStarted":
            break
    await engine.aclose(grace=60)
    async with await Engine.open(folder) as engine:
        assert (await engine.get_execution(run.id)).status == "completed"
