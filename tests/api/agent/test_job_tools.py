"""Tools: what the owner's functions do for job code."""

from __future__ import annotations

import re
import threading
from functools import partial

import pytest

from luajobs_kit import (
    InvalidInput,
    Jobs,
    LuaAgent,
    LuaSkill,
    LuaTool,
    ToolUnavailable,
    Workspace,
    acting_as,
    every,
    lua_tool,
)
from luajobs_kit.acting_user import acting_user
from luajobs_kit.port import Port


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
    kind, words = await run({"city": "Paris"})
    assert kind == "ToolError"
    assert re.fullmatch(
        r"weather failed: OSError: no signal \(line \d+ of test_job_tools\.py\)", words
    )


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
    ws = Workspace("/nowhere")
    with pytest.raises(InvalidInput, match="name each argument"):

        @ws.tool
        async def many(*cities):
            return None

    for wrong, words in [
        (LuaTool, r"LuaTool is a class.* write LuaTool\(\)"),
        ("weather", r"name='weather'"),
        (5, "write a function that calls it"),
        (partial(print, 1), "write a function that calls it"),
        (lambda: 1, "A lambda has no name"),
    ]:
        with pytest.raises(InvalidInput, match=words):
            ws.tool(wrong)


@pytest.mark.parametrize(
    ("name", "fit"), [("get-weather", "get_weather"), ("class", "class_tool"), ("_own", "own")]
)
def test_a_name_that_a_job_cannot_write_is_refused_with_one_that_it_can(name, fit):
    ws = Workspace("/nowhere")

    async def weather() -> str:
        return "sun"

    with pytest.raises(InvalidInput, match=f"such as '{fit}'"):
        ws.tool(name=name)(weather)
    with pytest.raises(InvalidInput, match=f"such as '{fit}'"):
        ws.tool(lua_tool(name=name)(weather))


async def test_an_agent_whose_tool_no_job_can_call_is_not_deployed_at_all(ws):
    @lua_tool(name="get-weather")
    async def weather() -> str:
        """Tell the weather"""
        return "sun"

    agent = LuaAgent(name="guide", skills=[LuaSkill(name="sky", tools=[lua_weather, weather])])
    with pytest.raises(InvalidInput, match="get_weather"):
        await ws.deploy(agent)
    assert await ws.ask(Port.tools) == []


async def test_a_misspelt_tool_is_refused_when_the_job_is_made(ws):
    @ws.tool
    async def weather(city: str) -> str:
        return "sun"

    with pytest.raises(InvalidInput, match="Did you mean 'weather'"):
        await run({}, tools=["wether"])
    with pytest.raises(ToolUnavailable, match="Did you mean 'weather'"):
        await ws.tools.wether(city="Paris")
    assert await Jobs.get_all(include_dynamic=True) == []
    assert await run({"city": "Paris"}, tools=["not_offered_yet", "weather"]) == "sun"


async def test_what_a_plain_function_needs_is_on_the_jobs_side_too(ws):
    @ws.tool
    def weather(city: str) -> dict:
        if city == "Rome":
            raise LookupError("nothing known") from OSError("no signal")
        print("looked up")  # noqa: T201 - kept as a log line
        return {"city": city, "user": acting_user(), "main": threading.current_thread().name}

    with acting_as("user_alice"):
        found = await run({"city": "Paris"})
    assert found == {"city": "Paris", "user": "user_alice", "main": "tool weather"}
    kind, words = await run({"city": "Rome"})
    assert kind == "ToolError"
    assert words.startswith(
        "weather failed: LookupError: nothing known; caused by OSError: no signal (line "
    )
    lines = await ws.logs(source="skill", name="weather")
    assert [line.message.partition("\n")[0] for line in lines] == [
        "looked up",
        "weather completed",
        words,
    ]
    assert 'raise LookupError("nothing known")' in lines[-1].message
    assert "in_thread" not in lines[-1].message
