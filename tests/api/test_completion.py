"""Tab after an object of the kit offers its names, in IPython and in JupyterLab.

Both ask jedi, with the objects as they are; one property that jedi cannot read, and nothing of the
object is offered.
"""

from __future__ import annotations

import jedi
import pytest

import luajobs_kit
from luajobs_kit import (
    Data,
    Jobs,
    LuaAgent,
    LuaJob,
    LuaSkill,
    Products,
    User,
    acting_as,
    cron,
    every,
    lua_job,
    lua_tool,
    once,
    run_isolated,
)


def offered(expression, **names):
    """What Tab offers after the expression and a dot."""
    return {name.name for name in jedi.Interpreter(f"{expression}.", [names]).complete()}


def own(value):
    return {name for name in dir(value) if not name.startswith("_")}


@pytest.mark.parametrize("name", luajobs_kit.__all__)
def test_every_public_name_is_completed(name):
    value = getattr(luajobs_kit, name)
    assert offered("value", value=value) >= own(value)
    assert name in offered("luajobs_kit", luajobs_kit=luajobs_kit)


async def greet(job):
    job.log.info("hello")
    return {"greeted": 1}


@lua_tool
async def add(a: float, b: float) -> float:
    return a + b


@lua_job(schedule=every(hours=1))
async def hourly(job):
    pass


async def test_every_object_that_the_kit_hands_out_is_completed(ws):
    job = await Jobs.create(name="greet", schedule=every(hours=1), execute=greet)
    run = await job.trigger()
    await run.wait()
    with acting_as("user_alice"):
        user = await User.get()
        await user.send("hello")
        history = await user.get_chat_history()
    entry = await Data.create("tickets", {"status": "open"})
    product = await Products.create({"name": "tea", "price": 1})
    agent = LuaAgent(
        name="helper",
        skills=[LuaSkill(name="sums", tools=[add])],
        jobs=[hourly, LuaJob(name="nightly", schedule=every(days=1), execute=greet)],
    )
    logs = await job.logs()
    handed_out = {
        "job": job,
        "jobs": await Jobs.get_all(include_dynamic=True),
        "run": run,
        "runs": await job.executions(),
        "result": run.result,
        "user": user,
        "history": history,
        "message": history[0],
        "entry": entry,
        "entries": await Data.get("tickets"),
        "found": await Data.search("tickets", "open", 1),
        "product": product,
        "products": await Products.get(1, 10),
        "ws": ws,
        "status": await ws.status(),
        "outcome": await run_isolated(greet),
        "logs": logs,
        "line": logs[0],
        "version": job.active_version,
        "versions": await job.versions(),
        "agent": agent,
        "skill": agent.skills[0],
        "tool": add,
        "declared": hourly,
        "plan": await ws.deploy(agent, dry_run=True),
        "simulation": await ws.simulate(days=1),
        "once": once(seconds=5),
        "every": every(minutes=5),
        "cron": cron("0 8 * * 1"),
    }
    parts = {
        f"{name}_{part}": getattr(value, part)
        for name, value in handed_out.items()
        for part in own(value)
        if part in {"data", "jobs", "users", "products", "tools", "log", "execution", "changes"}
    }
    for name, value in {**handed_out, **parts}.items():
        assert offered("value", value=value) >= own(value), f"{name}: {type(value)}"


async def test_what_a_property_gives_is_completed_as_text_is(ws):
    job = await Jobs.create(name="greet", schedule=every(hours=1), execute=greet)
    assert {"upper", "split"} <= offered("run.status", run=await job.trigger())
    assert {"upper", "split"} <= offered("job.change", job=job)
