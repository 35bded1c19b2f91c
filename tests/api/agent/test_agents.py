"""Agents: their tools called, their jobs deployed; deploying twice changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from luajobs_kit import (
    Conflict,
    InvalidInput,
    Jobs,
    LuaAgent,
    LuaJob,
    LuaJobsError,
    LuaSkill,
    NotAllowed,
    ToolError,
    cron,
    every,
    lua_job,
    lua_tool,
    once,
)


@lua_tool
async def double(number: float) -> float:
    """Double a number"""
    return number * 2


async def count(job):
    return len(job.metadata)


async def use_tool(job):
    return await tools.double(number=job.metadata["number"])  # noqa: F821 - job code has it


def agent(*jobs, skills=None):
    return LuaAgent(
        name="helper",
        persona="kind",
        skills=skills or [LuaSkill(name="maths", tools=[double])],
        jobs=jobs,
    )


async def test_an_agent_calls_its_tools(ws):
    assert await agent().call_tool("double", {"number": 4}, user="user_alice") == 8
    with pytest.raises(ToolError, match="its tools are: double"):
        await agent().call_tool("triple", {})


async def test_a_skills_condition_closes_its_tools(ws):
    async def never():
        return False

    closed = agent(skills=[LuaSkill(name="maths", tools=[double], condition=never)])
    with pytest.raises(ToolError, match="not available"):
        await closed.call_tool("double", {"number": 4})


async def test_deploying_makes_the_jobs_true(ws):
    nightly = LuaJob(name="nightly", schedule=cron("0 2 * * *"), execute=count)
    hourly = LuaJob(name="hourly", schedule=every(hours=1), execute=count)

    plan = await ws.deploy(agent(nightly, hourly), dry_run=True)
    assert [step.action for step in plan.steps] == ["create", "create"]
    assert list(await Jobs.get_all()) == []
    assert "would be changed" in str(plan)

    plan = await ws.deploy(agent(nightly, hourly))
    assert plan.changes == 2
    assert [job.name for job in await Jobs.get_all()] == ["nightly", "hourly"]

    plan = await ws.deploy(agent(nightly, hourly))
    assert plan.changes == 0
    assert {job.active_version.version for job in await Jobs.get_all()} == {"1.0.0"}

    changed = LuaJob(name="nightly", schedule=cron("0 3 * * *"), execute=count)
    plan = await ws.deploy(agent(changed))
    assert [str(step) for step in plan.steps] == [
        "~ update nightly: schedule changed",
        "- deactivate hourly: the agent deployed now has it no more",
    ]
    assert (await Jobs.get_job("nightly")).active_version.version == "1.0.1"
    assert (await Jobs.get_job("hourly")).data.active is False
    assert (await ws.deploy(agent(changed))).changes == 0


def hourly(name, **given):
    return LuaJob(**({"name": name, "schedule": every(hours=1), "execute": count} | given))


async def actions(ws, *jobs, **options):
    plan = await ws.deploy(agent(*jobs), **options)
    return {step.job: step.action for step in plan.steps}


async def statuses():
    return {job.name: job.data.status for job in await Jobs.get_all()}


async def test_an_agent_that_is_deployed_again_has_its_jobs_on_again(ws, clock):
    await actions(ws, hourly("a"), hourly("both"))
    assert await actions(ws, hourly("b"), hourly("both")) == {
        "b": "create",
        "both": "leave",
        "a": "deactivate",
    }
    assert await statuses() == {"a": "inactive", "b": "active", "both": "active"}
    planned = await actions(ws, hourly("a"), hourly("both"), dry_run=True)
    assert planned == {"a": "activate", "both": "leave", "b": "deactivate"}
    assert await actions(ws, hourly("a"), hourly("both")) == planned
    assert await statuses() == {"a": "active", "b": "inactive", "both": "active"}
    assert set((await actions(ws, hourly("a"), hourly("both"))).values()) == {"leave"}
    await clock.advance(hours=1)
    assert len(await (await Jobs.get_job("a")).executions()) == 1


@pytest.mark.parametrize(
    "change",
    [{}, {"description": "other words"}, {"schedule": every(hours=2)}, {"metadata": {"k": 1}}],
    ids=["nothing", "words", "schedule", "metadata"],
)
async def test_a_job_that_its_operator_switched_off_stays_off_and_that_is_said(ws, change):
    await actions(ws, hourly("a"))
    await (await Jobs.get_job("a")).deactivate()
    plan = await ws.deploy(agent(hourly("a", **change)))
    assert plan.steps[0].action == ("update" if change else "leave")
    assert "it stays inactive, as it was switched off" in plan.steps[0].why
    assert await statuses() == {"a": "inactive"}


async def test_a_job_switched_off_by_hand_while_it_was_left_out_stays_off(ws):
    await actions(ws, hourly("a"))
    await actions(ws)
    await (await Jobs.get_job("a")).deactivate()
    assert await actions(ws, hourly("a")) == {"a": "leave"}
    assert await statuses() == {"a": "inactive"}


async def test_a_job_switched_on_by_hand_while_it_was_left_out_is_left_out_again(ws):
    await actions(ws, hourly("a"))
    await actions(ws)
    await (await Jobs.get_job("a")).activate()
    assert await actions(ws) == {"a": "deactivate"}


async def test_a_left_out_job_comes_on_with_a_change(ws):
    await actions(ws, hourly("a"))
    await actions(ws)
    plan = await ws.deploy(agent(hourly("a", schedule=every(hours=2))))
    assert str(plan.steps[0]) == (
        "~ update a: schedule changed; an agent deployed before had it no more, and now it comes on "
        "again"
    )
    assert await statuses() == {"a": "active"}


REFUSED = {
    "code": {"execute": None, "source": "async def f(job):\n    return job.id.__globals__\n"},
    "timeout": {"timeout": 10_000},
    "cron": {"schedule": cron("0 0 30 2 *")},
    "past": {"schedule": once(at=datetime(2020, 1, 1, tzinfo=UTC))},
    "metadata": {"metadata": {"large": "x" * 300_000}},
    "name of a dynamic job": {"name": "dynamic"},
}


@pytest.mark.parametrize("why", REFUSED)
@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_deployment_that_is_refused_does_nothing_at_all(ws, why, dry_run):
    await Jobs.create(name="dynamic", schedule=every(hours=1), execute=count)
    await actions(ws, hourly("stays"), hourly("goes"))
    bad = hourly(**{"name": "bad"} | REFUSED[why])
    other = agent(hourly("new"), hourly("stays", schedule=every(hours=2)), bad)
    with pytest.raises(LuaJobsError, match=rf"Nothing was deployed, for the job '{bad.name}': "):
        await ws.deploy(other, dry_run=dry_run)
    assert await statuses() == {"stays": "active", "goes": "active"}
    assert (await Jobs.get_job("stays")).active_version.version == "1.0.0"


async def test_a_refused_agents_tools_are_not_on_offer(ws):
    with pytest.raises(InvalidInput):
        await ws.deploy(agent(hourly("bad", timeout=10_000)))
    assert await (await ws.port()).tools() == []


async def test_the_steps_of_a_dry_run_are_those_of_the_real_one(ws, clock):
    soon = {"schedule": once(minutes=1)}
    await actions(ws, hourly("off"), hourly("same"), hourly("gone"), hourly("again", **soon))
    await actions(ws, hourly("off"), hourly("same"), hourly("gone"), hourly("again", **soon))
    await (await Jobs.get_job("off")).deactivate()
    await clock.advance(minutes=2)
    jobs = [
        hourly("off", metadata={"k": 2}),
        hourly("same"),
        hourly("again", schedule=once(minutes=1, clock=clock)),
        hourly("new"),
    ]
    dry = await ws.deploy(agent(*jobs), dry_run=True)
    real = await ws.deploy(agent(*jobs))
    assert dry.steps == real.steps
    assert [step.action for step in real.steps] == [
        "update",
        "leave",
        "rearm",
        "create",
        "deactivate",
    ]


async def fail(job):
    raise ValueError(job.name)


async def test_what_waits_of_a_job_that_is_no_longer_deployed_is_cancelled_and_counted(ws, clock):
    given = {"schedule": every(hours=1), "execute": fail}
    retry = {"maxAttempts": 3, "backoffSeconds": 3600}
    waits = LuaJob(name="waits", retry=retry, **given)
    changes = LuaJob(name="changes", retry=retry, **given)
    await ws.deploy(agent(waits, changes))
    paused = LuaJob(name="paused", **given).spec(ws).evolve(pause_after_failures=1)
    await (await ws.port()).create_job(paused)
    await clock.advance(hours=1)
    assert (await Jobs.get_job("paused")).data.status == "paused"

    changed = LuaJob(name="changes", retry=retry, **(given | {"schedule": every(hours=2)}))
    plan = await ws.deploy(agent(changed))
    gone = "the agent deployed now has it no more"
    assert [str(step) for step in plan.steps] == [
        "~ update changes: schedule changed; 1 run that waited was cancelled",
        f"- deactivate waits: {gone}; 1 run that waited was cancelled",
        f"- deactivate paused: {gone}",
    ]
    assert {job.data.status for job in await Jobs.get_all()} == {"active", "inactive"}
    assert (await ws.deploy(agent(changed))).changes == 0


async def test_a_pre_defined_job_has_no_user_and_says_what_to_use(ws):
    @lua_job(schedule=once(days=1), metadata={"userId": "user_ada"})
    async def tell_ada(job):
        """Tell Ada"""
        user = await User.get(job.metadata["userId"])  # noqa: F821 - job code has it
        await user.send("hi Ada")
        return (await job.user()).id

    await ws.users.add("user_ada")
    await ws.deploy(agent(tell_ada))
    job = await Jobs.get_job("tell-ada")
    assert job.data.description == "Tell Ada"
    with pytest.raises(NotAllowed, match=r"User\.get\(job\.metadata"):
        await job.user()
    execution = await (await job.trigger()).wait(timeout=30)
    assert execution.error.type == "NotAllowed"
    assert [message.text for message in await ws.inbox()] == ["hi Ada"]


async def test_names_are_shared_with_no_dynamic_job(ws):
    await Jobs.create(name="nightly", schedule=every(hours=1), execute=count)
    nightly = LuaJob(name="nightly", schedule=cron("0 2 * * *"), execute=count)
    with pytest.raises(Conflict):
        await ws.deploy(agent(nightly))


async def test_jobs_call_the_tools_of_a_deployed_agent(ws):
    await ws.deploy(agent())
    job = await Jobs.create(
        name="uses", schedule=every(hours=1), execute=use_tool, metadata={"number": 21}
    )
    assert (await (await job.trigger()).wait(timeout=30)).result == 42


def test_two_of_one_name_are_refused():
    one = LuaJob(name="same", schedule=every(hours=1), execute=count)
    with pytest.raises(InvalidInput, match="two jobs named 'same'"):
        agent(one, one)
