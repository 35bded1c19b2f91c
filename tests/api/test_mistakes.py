"""Mistakes that newcomers make are answered with what to write."""

from __future__ import annotations

import asyncio
import json

import pytest

from luajobs_kit import (
    InvalidInput,
    Jobs,
    LuaAgent,
    LuaJob,
    NotAllowed,
    User,
    Workspace,
    acting_as,
    cron,
    every,
    run_isolated,
)


async def execute(job):
    return job.name


@pytest.mark.parametrize(
    ("slip", "advice"),
    [
        (lambda: Jobs.create({"name": "x", "schedule": every(5)}), r"Jobs\.create\(\*\*config\)"),
        (lambda: Jobs.get_all({"includeDynamic": True}), r"get_all\(include_dynamic=True\)"),
    ],
)
async def test_luas_object_of_options_is_told_to_be_keywords(ws, slip, advice):
    with pytest.raises(InvalidInput, match=advice):
        await slip()


async def test_changing_a_jobs_metadata_in_place_is_refused_and_not_lost(ws):
    job = await Jobs.create(
        name="counts", schedule=every(hours=1), metadata={"n": 1}, execute=execute
    )

    for change in (
        lambda: job.metadata.__setitem__("n", 99),
        lambda: job.metadata.update(n=99),
        lambda: job.metadata.pop("n"),
        lambda: job.metadata.__ior__({"n": 99}),
    ):
        with pytest.raises(NotAllowed, match=r"await job\.update_metadata"):
            change()

    assert job.metadata == {"n": 1}
    assert json.dumps(job.metadata) == '{"n": 1}'
    assert await job.update_metadata({"n": 2}) == {"n": 2} == job.metadata


@pytest.mark.parametrize("message", [5, None, [5], {"text": "no type"}])
async def test_what_is_no_message_is_told_what_one_is(ws, message):
    user = await User.get()
    with pytest.raises(InvalidInput, match="takes text, or parts such as"):
        await user.send(message)


@pytest.mark.parametrize("user", ["", " ", 5])
def test_acting_as_takes_an_id(user):
    with pytest.raises(InvalidInput, match="acting_as takes a user's id"), acting_as(user):
        pass


async def test_a_second_agent_says_that_it_switches_off_the_jobs_of_the_first(ws):
    job = LuaJob(name="morning", schedule=every(hours=1), execute=execute)
    await ws.deploy(LuaAgent(name="first", jobs=[job]))

    plan = await ws.deploy(LuaAgent(name="second"))

    assert "- deactivate morning: the agent deployed now has it no more" in str(plan)


@pytest.mark.parametrize(
    ("forgotten", "call"),
    [
        (lambda job: Jobs.get_job("waits"), "Jobs.get_job"),
        (lambda job: job.trigger(), "job.trigger"),
        (lambda job: User.get(), "User.get"),
        (lambda job: Workspace.current().status(), "ws.status"),
        (lambda job: run_isolated("def f(job): pass"), "run_isolated"),
    ],
)
async def test_who_forgets_to_await_is_told_by_what_is_shown_and_by_what_is_asked(
    ws, forgotten, call
):
    job = await Jobs.create(name="waits", schedule=every(hours=1), execute=execute)
    answer = forgotten(job)
    assert repr(answer) == f"<nothing was done yet: write `await {call}(…)`>"
    with pytest.raises(
        AttributeError, match=rf"{call}\(…\) was not awaited, so there is no 'name'"
    ):
        _ = answer.name
    await asyncio.create_task(answer)  # it is a coroutine all the same


@pytest.mark.parametrize(
    ("slip", "advice"),
    [
        (lambda: Jobs.create(name="x", schedule=every(5), exec=execute), "did you mean execute?"),
        (lambda: Jobs.create(nmae="x", schedule=every(5), execute=execute), "did you mean name?"),
        (
            lambda: Jobs.create(schedule=every(5), execute=execute),
            "argument: 'name'; it takes name",
        ),
        (lambda: Jobs.get_all(includeDynamic=True), "did you mean include_dynamic?"),
        (lambda: every(hour=1), "every has no 'hour'; did you mean hours?"),
        (lambda: cron("0 8 * * 1", tz="UTC"), "it takes expression, timezone"),
        (lambda: User.get("a", "b"), "User.get was given more arguments than it takes by position"),
    ],
)
async def test_an_argument_that_is_misnamed_is_answered_with_its_name(ws, slip, advice):
    with pytest.raises(InvalidInput) as told:
        await slip()
    assert advice in str(told.value)
