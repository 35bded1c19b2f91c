"""The public API as a user calls it. It is type-checked, strictly, and never run."""

# ruff: noqa: T201 - what is printed here is looked at by the type checker only

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, assert_type

from pydantic import BaseModel

from luajobs_kit import (
    Data,
    JobExecution,
    JobInstance,
    Jobs,
    LuaAgent,
    LuaJob,
    LuaSkill,
    LuaTool,
    Products,
    User,
    UserInstance,
    VirtualClock,
    Workspace,
    acting_as,
    cron,
    every,
    lua_job,
    lua_tool,
    once,
    preview,
    run_isolated,
)


async def remind(job: JobInstance) -> dict[str, bool]:
    user = await job.user()
    assert_type(user, UserInstance)
    await user.send([{"type": "text", "text": job.metadata["message"]}])
    await user.send("plain text")
    user.city = "Paris"
    return {"sent": True}


def plain(job: JobInstance) -> None:
    job.metadata["x"] = 1


async def jobs() -> None:
    job = await Jobs.create(
        name="reminder",
        metadata={"message": "hello"},
        schedule=once(minutes=10),
        execute=remind,
        retry={"maxAttempts": 3},
    )
    assert_type(job, JobInstance)
    await Jobs.create(name="plain", schedule={"type": "interval", "seconds": 60}, execute=plain)
    await Jobs.create(name="lambda", schedule=cron("* * * * *"), execute=lambda job: job.name)
    await Jobs.create(name="text", schedule=every(hours=1), source="async def execute(job): ...")
    execution = await job.trigger()
    assert_type(await execution.wait(timeout=3), JobExecution)
    found: list[JobInstance] = await Jobs.get_all(include_dynamic=True)
    assert_type(found[0].id, str)
    assert_type(await job.next_runs(), list[datetime])
    if job.active_version is not None:
        print(job.active_version.schedule)
    print(preview(every(minutes=1), count=2))
    outcome = await run_isolated(remind, {"message": "x"}, timeout=3)
    print(outcome.status, outcome.error)


async def people_and_data() -> None:
    assert_type(await User.get(), UserInstance)
    assert_type(await User.get("user_1"), UserInstance)
    assert_type(await User.get(email="a@example.org"), UserInstance | None)
    entry = await Data.create("tickets", {"status": "open"})
    print(entry.status, entry["status"], entry.data["status"])
    for found in await Data.search("tickets", "open", 1):
        print(found.score)
    for product in await Products.get(1, 100):
        print(product.price)


class Order(BaseModel):
    item: str


class OrderTool(LuaTool[Order]):
    name = "order"
    description = "Order an item"
    input_schema = Order

    async def execute(self, input: Order) -> str:
        return input.item


@lua_tool
async def add(a: float, b: float) -> float:
    return a + b


@lua_tool(name="times")
async def multiply(a: float, b: float) -> float:
    return a * b


@lua_job(schedule=cron("0 8 * * *"), metadata={"userId": "user_1"})
async def morning(job: JobInstance) -> None:
    await (await User.get(job.metadata["userId"])).send("Good morning")


async def agents() -> None:
    skill = LuaSkill(name="shop", tools=[OrderTool(), add, multiply])
    nightly = LuaJob(name="nightly", schedule=every(days=1), execute=plain)
    agent = LuaAgent(name="helper", skills=[skill], jobs=[morning, nightly])
    with acting_as("user_1"):
        answer: Any = await agent.call_tool("order", {"item": "tea"})
        print(answer)
    clock = VirtualClock(datetime(2030, 1, 1, tzinfo=UTC))
    async with Workspace.in_process(clock=clock) as ws:
        assert_type(ws, Workspace)

        @ws.tool
        async def weather(city: str) -> str:
            return city

        assert_type(await weather("Paris"), str)
        plan = await ws.deploy(agent, dry_run=True)
        print(plan.changes, await ws.tools.weather(city="Rome"))
        async for event in ws.events():
            print(event.type)
