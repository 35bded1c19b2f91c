"""Following what happens, and powers offered by clients."""

import asyncio

import pytest

from luajobs_kit.errors import NotFound
from luajobs_kit.port import PowerOffer


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


async def test_the_stream_ends_with_the_engine(engine):
    news = engine.events()
    await engine.aclose()
    assert [event async for event in news] == []


async def test_a_power_is_called_by_job_code_and_answered_by_its_owner(engine, spec):
    calls = engine.offer([PowerOffer(name="weather")])
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


async def test_a_power_nobody_offers_is_unavailable_and_says_so(engine, spec):
    job = await engine.create_job(spec("await tools.weather(city='Oslo')"))
    run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    assert (run.status, run.error.type) == ("failed", "PowerUnavailable")
    assert "tools.weather" in run.error.message


async def test_a_power_whose_owner_leaves_does_not_hang_the_run(engine, spec):
    calls = engine.offer([PowerOffer(name="weather")])
    job = await engine.create_job(spec("await tools.weather()"))
    run = await engine.trigger_job(job.id)
    await anext(calls)
    await calls.aclose()
    run = await engine.wait_execution(run.id)
    assert (run.status, run.error.type) == ("failed", "PowerUnavailable")


async def test_a_job_given_only_some_powers_may_use_no_other(engine, spec):
    job = await engine.create_job(spec("await tools.weather()", powers=["tools.other"]))
    run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    assert (run.error.type, "tools.other" in run.error.message) == ("NotAllowed", True)
    await asyncio.sleep(0)
