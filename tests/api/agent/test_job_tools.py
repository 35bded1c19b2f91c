"""Tools: what the owner's functions do for job code."""

from __future__ import annotations

import pytest

from luajobs_kit import (
    InvalidInput,
    Jobs,
    LuaAgent,
    LuaSkill,
    ToolUnavailable,
    acting_as,
    every,
    lua_tool,
)
from luajobs_kit.acting_user import acting_user


async def ask(job):
    try:
        return await tools.weather(**job.metadata)  # noqa: F821 - job code has it
    except Exception as error:  # noqa: BLE001 - what is told is what is tried
        return [type(error).__name__, str(error)]


async def run(metadata, **options):
    job = await Jobs.create(
        name="asks", schedule=every(hours=1), execute=ask, metadata=metadata, **options
    )
    return (await (await job.trigger()).wait(timeout=30)).result


async def test_a_tool_answers_job_code_as_the_jobs_user(ws):
    @ws.tool
    async def weather(city: str, days: int = 1) -> dict:
        """Tell the weather"""
        return {"city": city, "days": days, "user": acting_user()}

    with acting_as("user_alice"):
        assert await run({"city": "Paris"}) == {"city": "Paris", "days": 1, "user": "user_alice"}
    assert await ws.tools.weather(city="Rome") == {"city": "Rome", "days": 1, "user": None}


async def test_running_its_cell_again_replaces_it(ws):
    async def answer_with(value):
        @ws.tool(name="weather")
        async def any_name() -> str:
            return value

    await answer_with("old")
    assert await run({}) == "old"
    await answer_with("new")
    assert await run({}) == "new"


async def test_wrong_arguments_and_errors_reach_job_code(ws):
    @ws.tool
    async def weather(city: str) -> str:
        raise OSError("no signal")

    assert await run({"town": "Paris"}) == [
        "InvalidInput",
        "tools.weather: city: is required; also wrong: town",
    ]
    assert await run({"city": "Paris"}) == ["ToolError", "OSError: no signal"]


async def test_nobody_offers_it(ws):
    assert (await run({"city": "Paris"}))[0] == "ToolUnavailable"
    with pytest.raises(ToolUnavailable, match=r"@ws\.tool"):
        await ws.tools.weather(city="Paris")


async def nothing(job):
    pass


@pytest.mark.parametrize(
    ("places", "options", "says"),
    [
        (1, {}, "1 wait for one of the 1 places (max_concurrent)"),
        (8, {"max_concurrent": 1}, "1 of the same job wait for their turn"),
    ],
)
async def test_a_tool_that_waits_for_a_run_that_waits_for_its_caller_is_said_as_that(
    ws, places, options, says
):
    @ws.tool(name="weather", timeout=0.3)
    async def waits() -> None:
        job = await Jobs.get_job("asks" if options else "other")
        await (await job.trigger()).wait()

    await ws.settings(max_concurrent=places)
    await Jobs.create(name="other", schedule=every(hours=1), execute=nothing)
    kind, words = await run({}, **options)
    assert kind == "ToolUnavailable"
    assert words.startswith("tools.weather did not answer within 0.3 s. Meanwhile")
    assert says in words


async def test_a_job_is_given_only_some_tools(ws):
    @ws.tool
    async def weather(city: str) -> str:
        return "sun"

    kind, words = await run({"city": "Paris"}, tools=["other"])
    assert kind == "NotAllowed"
    assert "tools.other" in words
    assert await run({"city": "Paris"}, tools=["weather"]) == "sun"


async def test_a_tool_is_named_to_a_job_as_its_owner_named_it(ws):
    with pytest.raises(InvalidInput, match="write the tool's own name, 'weather'"):
        await run({}, tools=["tools.weather"])


@lua_tool(name="weather")
async def lua_weather(city: str) -> str:
    """Tell the weather"""
    return f"sun in {city}"


async def test_a_lua_tool_is_offered_to_jobs_under_its_own_name(ws):
    assert ws.tool(lua_weather) is lua_weather
    assert await run({"city": "Paris"}) == "sun in Paris"
    with pytest.raises(InvalidInput, match="leave out name='sky'"):
        ws.tool(name="sky")(lua_weather)


async def test_a_function_offered_to_jobs_can_be_given_to_an_agent(ws):
    @ws.tool
    async def weather(city: str) -> str:
        """Tell the weather"""
        return f"rain in {city}"

    agent = LuaAgent(name="guide", skills=[LuaSkill(name="sky", tools=[weather])])
    assert agent.tools["weather"].openai()["function"]["description"] == "Tell the weather"
    assert await agent.call_tool("weather", {"city": "Rome"}) == "rain in Rome"
    assert await run({"city": "Paris"}) == "rain in Paris"


@pytest.mark.parametrize("timeout", [float("nan"), float("inf"), 0, "10"])
def test_a_tool_is_given_a_time_to_answer_that_a_timer_can_take(ws, timeout):
    async def weather() -> dict:
        """Tell the weather"""

    with pytest.raises(InvalidInput, match="timeout"):
        ws.tool(timeout=timeout)(weather)


def test_what_cannot_be_a_tool_is_refused():
    from luajobs_kit import Workspace

    ws = Workspace("/nowhere")
    with pytest.raises(InvalidInput, match="async def plain"):

        @ws.tool
        def plain():
            return None

    with pytest.raises(InvalidInput, match="name each argument"):

        @ws.tool
        async def many(*cities):
            return None
