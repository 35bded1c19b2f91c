"""Executions, logs, events, people and tools, through either port."""

import asyncio

import pytest

from luajobs_kit.acting_user import acting_as
from luajobs_kit.errors import InvalidInput, NotFound, ToolUnavailable
from luajobs_kit.model import LogLine, LogQuery, LogSource, Retry
from luajobs_kit.port import ToolOffer


async def test_a_triggered_run_is_waited_for_and_kept(port, spec):
    job = await port.create_job(spec("print('hello')\nreturn {'answer': None, 'n': [1]}"))
    claimed = await port.trigger_job(job.id)
    done = await port.wait_execution(claimed.id, timeout=20)

    assert (done.status, done.cause) == ("completed", "manual")
    assert done.result == {"answer": None, "n": [1]}
    assert await port.get_execution(claimed.id) == done
    assert (await port.list_executions(job.id)).executions == [done]
    lines = (await port.logs(LogQuery(job_id=job.id))).logs
    assert [line.message for line in lines] == ["hello"]


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), float("-inf")])
async def test_waiting_for_a_time_that_no_timer_can_take_is_refused(port, spec, seconds):
    job = await port.create_job(spec())
    claimed = await port.trigger_job(job.id)
    with pytest.raises(InvalidInput, match="timeout"):
        await port.wait_execution(claimed.id, seconds)
    assert (await port.wait_execution(claimed.id)).status == "completed"


async def test_the_same_key_triggers_once(port, spec, fresh):
    job = await port.create_job(spec())
    key = fresh("key")
    first = await port.trigger_job(job.id, key=key)
    again = await port.trigger_job(job.id, key=key)
    await port.wait_execution(first.id)

    assert first.id == again.id
    assert (await port.list_executions(job.id)).total == 1


async def test_a_failing_run_tells_the_authors_line(port, spec):
    job = await port.create_job(spec("x = 1\nraise ValueError('no such luck')"))
    done = await port.wait_execution((await port.trigger_job(job.id)).id)

    assert done.status == "failed"
    assert done.error is not None
    assert (done.error.type, done.error.message, done.error.line) == (
        "ValueError",
        "no such luck",
        3,
    )


async def test_a_run_is_cancelled(port, spec):
    job = await port.create_job(spec("import asyncio\nawait asyncio.sleep(60)"))
    news = port.events()
    execution = await port.trigger_job(job.id)
    async for event in news:
        if event.type == "ExecutionStarted":
            break
    assert (await port.cancel_execution(execution.id)).status == "cancelled"


async def failed_once(port, spec, name="job"):
    """Make a job with a run that waits for its retry."""
    retry = Retry(max_attempts=5, backoff_seconds=3600)
    job = await port.create_job(spec("raise ValueError", name=name, retry=retry))
    news = port.events()
    execution = await port.trigger_job(job.id)
    async for event in news:
        if event.type == "AttemptFailed":
            break
    return job, execution


async def test_deactivating_cancels_what_waits_and_says_how_many(port, spec):
    job, execution = await failed_once(port, spec)
    off = await port.deactivate_job(job.id)
    assert (off.status, off.cancelled_runs) == ("inactive", 1)
    assert (await port.get_execution(execution.id)).status == "cancelled"
    assert (await port.deactivate_job(job.id)).cancelled_runs == 0


async def test_cancelling_a_job_says_how_many_runs_ended(port, spec):
    job, execution = await failed_once(port, spec)
    ended = await port.cancel_job(job.id)
    assert (ended.running, ended.waiting) == (0, 1)
    assert (await port.get_execution(execution.id)).status == "cancelled"
    assert (await port.get_job(job.id)).status == "active"
    with pytest.raises(NotFound):
        await port.cancel_job("job_none")


async def test_a_run_switches_other_jobs_off_as_anybody_does(port, spec):
    job, execution = await failed_once(port, spec, name="other")
    body = f"off = await (await Jobs.get_job({job.id!r})).deactivate()\nreturn off.data['cancelledRuns']"
    switch = await port.create_job(spec(body, name="switch"))
    done = await port.wait_execution((await port.trigger_job(switch.id)).id, timeout=20)
    assert done.result == 1
    assert (await port.get_execution(execution.id)).status == "cancelled"


async def test_what_happens_after_events_is_called_is_in_the_stream(port, spec):
    news = port.events()
    job = await port.create_job(spec("print('a')"))
    execution = await port.trigger_job(job.id)
    seen = []
    async for event in news:
        seen.append(event)
        if event.type == "ExecutionFinished":
            break

    types = [event.type for event in seen if event.type != "JobUpdated"]
    assert types == [
        "JobCreated",
        "ExecutionClaimed",
        "ExecutionStarted",
        "LogWritten",
        "ExecutionFinished",
    ]
    assert seen[-1].execution == await port.get_execution(execution.id)


async def test_a_stream_goes_on_from_a_cursor(port, spec):
    news = port.events()
    await port.create_job(spec(name="one"))
    first = await anext(news)
    await port.create_job(spec(name="two"))

    again = await anext(port.events(after=first.id))
    assert (again.type, again.job.name) == ("JobCreated", "two")


async def test_a_cursor_of_another_life_is_told_to_read_afresh(port, spec):
    news = port.events(after="0badcafe.17")
    resync = await anext(news)
    assert resync.type == "Resync"

    await port.create_job(spec())
    assert (await anext(news)).type == "JobCreated"
    assert (await anext(port.events(after=resync.id))).type == "JobCreated"


async def test_lines_written_by_a_tool_are_kept(port, fresh):
    now, tool = (await port.status()).now, fresh("tool")
    line = LogLine(
        timestamp=now, message="from a tool", metadata=LogSource(log_source="skill", tool_name=tool)
    )
    kept = await port.write_log(line)
    assert kept.seq > 0
    assert (await port.logs(LogQuery(source="skill", tool_name=tool))).logs == [kept]


async def test_the_platform_answers_as_the_acting_user(port, fresh):
    ana = fresh("user")
    with acting_as(ana):
        await port.call("user.update", {"data": {"city": "Ghent", "gone": None}})
        await port.call("user.send", {"messages": "hello"})
        user = await port.call("user.get", {})
    assert (user["id"], user["data"]) == (ana, {"city": "Ghent", "gone": None})
    assert await port.call("user.get", {"email": "nobody@example.org"}) is None
    with pytest.raises(InvalidInput):
        await port.call("user.explode", {})
    with pytest.raises(NotFound):
        await port.call("user.get", {"id": "user_none"})


async def test_the_same_key_sends_one_message(port, fresh):
    key = fresh("key")
    one = await port.call("user.send", {"messages": "hello"}, key=key)
    two = await port.call("user.send", {"messages": "hello"}, key=key)
    assert one["id"] == two["id"]
    assert len(await port.call("user.history", {})) == 1


async def test_job_code_reaches_a_tool_that_is_offered(port, spec):
    calls = port.offer([ToolOffer(name="add", timeout=10)])

    async def answer() -> None:
        async for call in calls:
            await port.answer(call.id, sum(call.arguments.values()))

    job = await port.create_job(
        spec("from luajobs_kit import tools\nreturn await tools.add(a=2, b=3)")
    )
    answering = asyncio.create_task(answer())
    done = await port.wait_execution((await port.trigger_job(job.id)).id)
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
    assert (done.status, done.result) == ("completed", 5), done.error


async def test_the_engine_says_what_holds(port):
    assert (await port.status()).running == 0
    topics = {finding.topic for finding in await port.doctor()}
    assert {"sandbox", "store"} <= topics


async def test_an_offered_tool_is_listed_and_called_as_who_acts(port, fresh):
    name = fresh("tool")
    calls = port.offer([ToolOffer(name=name, description="Doubles", timeout=10)])
    askers = []

    async def answer() -> None:
        async for call in calls:
            askers.append(call.user_id)
            await port.answer(call.id, 2 * call.arguments["n"])

    answering = asyncio.create_task(answer())
    assert name in [tool.name for tool in await port.tools()]
    with acting_as("user_ana"):
        assert await port.call_tool(name, {"n": 21}) == 42
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
    assert askers == ["user_ana"]
    with pytest.raises(ToolUnavailable):
        await port.call_tool(fresh("nobody"), {})


async def test_a_tool_that_is_not_reached_in_time_says_why(port, fresh):
    busy, slow = fresh("busy"), fresh("slow")
    whose = "notebook (process 7)"
    offers = [ToolOffer(name=name, timeout=0.5, offered_by=whose) for name in (busy, slow)]
    calls = port.offer(offers)

    async def take_only_one() -> None:
        async for call in calls:
            if call.name == slow:
                await port.take(call.id)

    taking = asyncio.create_task(take_only_one())
    assert busy in [tool.name for tool in await port.tools()]
    words = r"The notebook \(process 7\) that offers it has been busy for 0\.5 s and has not taken"
    with pytest.raises(ToolUnavailable, match=words):
        await port.call_tool(busy, {})
    with pytest.raises(ToolUnavailable, match=r"did not answer within 0\.5 s\.$"):
        await port.call_tool(slow, {})
    with pytest.raises(NotFound):
        await port.take("call_nothing")
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)
