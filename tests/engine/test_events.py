"""Events as they are followed, and tools offered by clients."""

import asyncio

import pytest

from luajobs_kit.acting_user import acting_as
from luajobs_kit.engine.events import Events
from luajobs_kit.engine.requests.requests import RunRequests
from luajobs_kit.errors import InvalidInput, NotAllowed, NotFound
from luajobs_kit.model import LogLine, LogSource, LogWritten
from luajobs_kit.port import ToolOffer


async def take(events, count):
    return [await anext(events) for _ in range(count)]


async def test_a_run_tells_its_story_in_order(engine, spec):
    job = await engine.create_job(spec("print('hello')"))
    news = engine.events()
    await engine.trigger_job(job.id)
    seen = await take(news, 5)
    assert [event.type for event in seen] == [
        "ExecutionClaimed",
        "ExecutionStarted",
        "LogWritten",
        "ExecutionFinished",
        "JobUpdated",
    ]


async def test_a_follower_goes_on_from_its_cursor_without_gap_or_repeat(engine, spec):
    news = engine.events()
    await engine.create_job(spec(name="one"))
    [first] = await take(news, 1)
    await engine.create_job(spec(name="two"))
    again = engine.events(after=first.id)
    [second] = await take(again, 1)
    assert (second.type, second.job.name) == ("JobCreated", "two")


async def test_a_cursor_of_another_life_is_told_to_read_afresh(engine, spec):
    news = engine.events(after="dead.7")
    [event] = await take(news, 1)
    assert event.type == "Resync"
    await engine.create_job(spec())
    assert (await anext(news)).type == "JobCreated"


async def test_large_events_are_not_kept_by_the_thousand(clock, spec):
    def said(length):
        source = LogSource(primitive_name="job")
        line = LogLine(
            timestamp=clock.now(), sub_type="info", message="x" * length, metadata=source
        )
        return LogWritten(at=clock.now(), line=line)

    events = Events(clock, keep_bytes=1_000)
    events.publish(said(10))
    first = events.cursor
    events.publish(said(600))
    events.publish(said(400))
    assert len(await take(events.follow(first), 2)) == 2
    events.publish(said(1))
    [event] = await take(events.follow(first), 1)
    assert event.type == "Resync"
    late = events.cursor
    events.publish(said(5_000))  # the newest is there, whatever it takes
    [event] = await take(events.follow(late), 1)
    assert len(event.line.message) == 5_000


async def test_the_stream_ends_with_the_engine(engine):
    news = engine.events()
    await engine.aclose()
    assert [event async for event in news] == []


async def test_a_tool_is_called_by_job_code_and_answered_by_its_owner(engine, spec):
    calls = engine.offer([ToolOffer(name="weather")])
    job = await engine.create_job(spec("return await tools.weather(city='Oslo')"))
    run = await engine.trigger_job(job.id)
    call = await anext(calls)
    assert (call.name, call.arguments, call.job_name) == ("weather", {"city": "Oslo"}, "job")
    await engine.answer(call.id, {"degrees": -3})
    run = await engine.wait_execution(run.id)
    assert (run.status, run.result) == ("completed", {"degrees": -3})
    with pytest.raises(NotFound):
        await engine.answer(call.id, None)
    await calls.aclose()


async def test_a_tool_nobody_offers_is_unavailable_and_says_so(engine, spec):
    job = await engine.create_job(spec("await tools.weather(city='Oslo')"))
    run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    assert (run.status, run.error.type) == ("failed", "ToolUnavailable")
    assert "tools.weather" in run.error.message


async def test_a_tool_whose_owner_leaves_does_not_hang_the_run(engine, spec):
    calls = engine.offer([ToolOffer(name="weather")])
    job = await engine.create_job(spec("await tools.weather()"))
    run = await engine.trigger_job(job.id)
    await anext(calls)
    await calls.aclose()
    run = await engine.wait_execution(run.id)
    assert (run.status, run.error.type) == ("failed", "ToolUnavailable")


async def test_a_job_given_only_some_tools_may_use_no_other(engine, spec):
    job = await engine.create_job(spec("await tools.weather()", tools=["other"]))
    run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    assert (run.error.type, "tools.other" in run.error.message) == ("NotAllowed", True)
    await asyncio.sleep(0)


async def test_an_offer_that_nobody_began_to_read_ends_with_its_reader(engine):
    calls = engine.offer([ToolOffer(name="weather")])
    await calls.aclose()
    assert await engine.tools() == []
    calls = engine.offer([ToolOffer(name="weather")])
    del calls
    assert await engine.tools() == []


CREATES = """
source = "async def execute(job): return await tools.weather()"
made = await Jobs.create(
    name="child", schedule={"type": "interval", "seconds": 60}, source=source, entry="execute",
    %s
)
return made.active_version.tools
"""


@pytest.mark.parametrize("options", ["", "tools=['other', 'weather']"])
async def test_a_job_gives_on_only_tools_it_was_given(engine, spec, options):
    job = await engine.create_job(spec(CREATES % options, tools=["other"]))
    run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    assert run.result == ["other"]


async def test_a_job_that_names_tools_by_their_old_word_is_told_the_new_one(engine, spec):
    job = await engine.create_job(spec(CREATES % "powers=['tools.weather']"))
    run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    assert run.error.type == "InvalidInput"
    assert 'tools=["get_weather"]' in run.error.message


async def test_a_users_job_creates_no_job_of_the_agents(engine, spec):
    job = await engine.create_job(spec(CREATES % "dynamic=False"))
    run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    assert run.error.type == "NotAllowed"


@pytest.mark.parametrize("verb", ["trigger", "activate", "deactivate"])
async def test_a_job_of_another_user_is_as_good_as_none(engine, spec, verb):
    with acting_as("user_bob"):
        theirs = await engine.create_job(spec(metadata={"a": "secret"}))
    # Nor can it make one of the class of its own.
    forged = f"type(job)({{'id': {theirs.id!r}}})"
    tries = {
        f"await Jobs.get_job({theirs.id!r})": "NotFound",
        f"await {forged}.{verb}()": "TypeError",
    }
    for body, refused in tries.items():
        with acting_as("user_eve"):
            job = await engine.create_job(spec(body))
        run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
        assert run.error.type == refused
    requests = RunRequests(engine._core.requests, run, job.active_version)
    with pytest.raises(NotFound):  # were the wall down
        await requests.answer(f"jobs.{verb}", {"id": theirs.id})
    assert (await engine.list_executions(theirs.id)).total == 0
    for verb_of_its_own in ("delete", "update_metadata", "logs", "executions", "versions"):
        with pytest.raises(InvalidInput):
            await requests.answer(f"jobs.{verb_of_its_own}", {"id": theirs.id, "data": {}})


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("user.add", {"id": "user_new"}),
        ("user.inbox", {}),
        ("user.send", {"messages": "I agree", "role": "user"}),
    ],
)
async def test_a_run_past_its_policy_still_gets_no_more_than_job_code_may(
    engine, spec, verb, arguments
):
    job = await engine.create_job(spec("return 1"))
    run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    requests = RunRequests(engine._core.requests, run, job.active_version)
    with pytest.raises(NotAllowed, match="Job code may not"):
        await requests.answer(verb, arguments)
