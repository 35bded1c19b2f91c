"""Tools: validated, run as their user, logged, and given to agents made elsewhere."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
from enum import Enum
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from luajobs_kit import (
    InvalidInput,
    Jobs,
    LuaAgent,
    LuaSkill,
    LuaTool,
    ToolError,
    User,
    lua_tool,
    once,
)


class Order(BaseModel):
    item: str
    count: int = Field(ge=1, description="How many")


class Receipt(BaseModel):
    total: float


class OrderTool(LuaTool[Order]):
    name = "order_item"
    description = "Order an item"
    input_schema = Order
    output_schema = Receipt

    async def execute(self, input):
        print("ordering", input.item)  # noqa: T201 - kept as a log line
        self.log.warning("stock is low")
        logging.getLogger("shop").error("disk is full")
        if input.item == "bomb":
            raise ValueError("not for sale")
        if input.item == "air":
            return {"total": "free"}
        return {"total": input.count * 2}


async def test_a_tool_validates_runs_and_keeps_what_it_said(ws, capsys):
    assert await OrderTool().call({"item": "tea", "count": 2}, user="user_alice") == {"total": 4}
    assert "ordering tea" in capsys.readouterr().out
    lines = await ws.logs(source="skill", name="order_item")
    assert [(line.sub_type, line.message) for line in lines] == [
        ("info", "ordering tea"),
        ("warn", "stock is low"),
        ("error", "disk is full"),
        ("info", "order_item completed"),
    ]
    assert {line.metadata.user_id for line in lines} == {"user_alice"}
    assert lines[-1].duration is not None


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"item": "tea", "count": 0}, "count", "order_item: count: .*greater than or equal to 1"),
        ({"item": "tea"}, "count", "order_item: count: is required"),
        ({}, "item", "item: is required; also wrong: count"),
        ({"item": "air", "count": 1}, "total", "output_schema refuses: total"),
    ],
)
async def test_a_wrong_field_is_named_with_the_tool(ws, given, field, words):
    with pytest.raises(ToolError, match=words) as refused:
        await OrderTool().call(given)
    assert refused.value.details["tool"] == "order_item"
    assert refused.value.details["field"] == field


async def test_a_tools_log_is_called_as_a_logger_and_never_ends_it(ws):
    class Noisy:
        def __str__(self):
            raise RuntimeError("no text")

    @lua_tool
    async def talk() -> str:
        "Say a lot"
        log = LuaTool.log
        log.info("%d of %s", 3, "tea")
        log.info("no place for", 3)  # noqa: PLE1205 - that is what is tried
        log.log(logging.WARNING, "50%")
        log.error("id", extra={"id": 3}, user="ann")
        log.info(Noisy())
        try:
            int("x")
        except ValueError:
            log.exception("failed")
            logging.getLogger("shop").exception("failed too")
        return "done"

    assert await talk.call({}) == "done"
    lines = [(line.sub_type, line.message) for line in await ws.logs(source="skill", name="talk")]
    assert lines[:5] == [
        ("info", "3 of tea"),
        ("info", "no place for 3"),
        ("warn", "50%"),
        ("error", "id (id=3, user='ann')"),
        ("info", "<Noisy whose text raises RuntimeError>"),
    ]
    for level, message in lines[5:7]:
        assert level == "error"
        assert message.startswith("failed")
        assert message.endswith("ValueError: invalid literal for int() with base 10: 'x'")


async def test_what_a_tool_raises_reaches_the_caller_and_the_log(ws):
    with pytest.raises(
        ToolError, match=r"order_item failed: ValueError: not for sale \(line \d+"
    ) as told:
        await OrderTool().call({"item": "bomb", "count": 1})
    assert isinstance(told.value.__cause__, ValueError)
    (*_, line) = await ws.logs(source="skill")
    assert line.sub_type == "error"
    assert "not for sale" in line.message


async def test_tools_that_run_at_once_keep_their_words_apart(ws):
    @lua_tool
    async def speak(word: str) -> str:
        """Say a word twice"""
        print(word)  # noqa: T201 - kept as a log line
        await asyncio.sleep(0)
        print(word)  # noqa: T201 - kept as a log line
        return (await User.get()).id

    users = await asyncio.gather(
        *(speak.call({"word": word}, user=f"user_{word}") for word in ("a", "b", "c"))
    )
    assert users == ["user_a", "user_b", "user_c"]
    for word in ("a", "b", "c"):
        lines = await ws.logs(source="skill", user=f"user_{word}")
        assert [line.message for line in lines if line.message != "speak completed"] == [word, word]


async def test_a_typed_function_is_a_tool_and_still_a_function(ws):
    @lua_tool(name="add_up", description="Add numbers")
    async def add(a: float, b: float = 1) -> float:
        return a + b

    assert await add.call({"a": 2}) == 3
    assert await add(2, b=3) == 5
    with pytest.raises(ToolError, match="add_up: c: Extra inputs"):
        await add.call({"a": 1, "c": 2})
    assert add.json_schema()["required"] == ["a"]


async def test_a_plain_function_is_a_tool_that_holds_nothing_up(ws):
    answered = threading.Event()

    @lua_tool
    def wait() -> bool:
        """Wait for the other tool"""
        return answered.wait(30)

    @lua_tool
    async def answer() -> str:
        """Answer"""
        answered.set()
        return "done"

    waiting = asyncio.create_task(wait.call({}))
    assert await answer.call({}) == "done"
    assert await waiting is True


@pytest.mark.parametrize("given", ['{"a": 2}', b'{"a": 2}', {"a": 2}])
async def test_arguments_may_be_json_text_as_a_models_call_has_them(ws, given):
    @lua_tool
    async def double(a: float = 1) -> float:
        """Double a number"""
        return 2 * a

    agent = LuaAgent(name="maths", skills=[LuaSkill(name="numbers", tools=[double])])
    assert await agent.call_tool("double", given) == 4
    assert await agent.call_tool("double", "") == 2
    for wrong, words in [
        ("{a: 2}", "double: its arguments are text that is no JSON"),
        ("[2]", r"double: its arguments must be a dict, not \[2\]"),
        ('{"b": 2}', "double: b: Extra inputs"),
    ]:
        with pytest.raises(ToolError, match=words):
            await double.call(wrong)
    with pytest.raises(ToolError, match="Did you mean 'double'"):
        await agent.call_tool("duoble", {})


def test_what_is_no_tool_is_told_at_once():
    class Plain(OrderTool):
        def execute(self, input):
            return {"total": 1}

    def counting():
        yield 1

    for wrong, words in [
        (OrderTool, r"OrderTool is a class.* write OrderTool\(\)"),
        (Plain(), r"Plain\.execute is no async function: write `async def execute\(self, input\)`"),
        (counting, "counting yields"),
        ("order_item", "is text"),
        (None, "not None of type NoneType"),
        (OrderTool.execute, "method of a class"),
    ]:
        with pytest.raises(InvalidInput, match=words):
            LuaSkill(name="s", tools=[wrong])
    with pytest.raises(InvalidInput, match="tools must be a list of LuaTool"):
        LuaSkill(name="s", tools=OrderTool())
    with pytest.raises(InvalidInput, match=r"skills .* each is a LuaSkill.*LuaSkill\(name="):
        LuaAgent(name="a", skills=[OrderTool()])
    with pytest.raises(InvalidInput, match="cannot be given as JSON"):

        @lua_tool
        def odd(thing: threading.Thread) -> None:
            """Take what JSON has no form for"""


async def test_a_field_that_the_input_does_not_have_is_refused_with_the_nearest(ws):
    with pytest.raises(ToolError, match=r"conut: Extra inputs.* Did you mean 'count'"):
        await OrderTool().call({"item": "tea", "count": 1, "conut": 2})

    class Open(OrderTool):
        class Input(Order, extra="allow"):
            pass

        input_schema = Input

    assert await Open().call({"item": "tea", "count": 1, "note": "hot"}) == {"total": 2}


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Cup(BaseModel):
    size: Size


def test_a_model_reads_each_argument_from_the_docstring_and_enumerations_inline():
    @lua_tool
    def pour(cup: Cup, size: Size = Size.SMALL, drink: Annotated[str, Field(description="A")] = ""):
        """Pour a drink.

        It is hot.

        Args:
            cup: Where it is
                poured to.
            size (Size): How much.
            drink: Not this.

        Returns:
            What was poured.
        """

    assert pour.description == "Pour a drink.\n\nIt is hot.\n\nReturns:\n    What was poured."
    schema = pour.json_schema()
    sizes = {"enum": ["small", "large"], "type": "string"}
    assert schema["properties"]["size"] == {**sizes, "default": "small", "description": "How much."}
    assert schema["properties"]["cup"]["description"] == "Where it is poured to."
    assert schema["properties"]["drink"]["description"] == "A"
    assert schema["$defs"]["Cup"]["properties"]["size"] == sizes
    assert list(schema["$defs"]) == ["Cup"]
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["Cup"]["additionalProperties"] is False
    assert OrderTool().json_schema()["additionalProperties"] is False


@pytest.mark.parametrize(
    "text",
    [
        "Count.\n\n:param a: The first.\n:param int b: The\n    second.\n:returns: a number",
        "Count.\n\nParameters\n----------\na : int\n    The first.\nb\n    The second.\n\n:returns: a number",
        "Count.\nArgs:\n  a: The first.\n  b (int, optional): The second.\n  c: no argument\n\n:returns: a number",
    ],
)
def test_arguments_are_described_in_every_common_form(text):
    def count(a: int, b: int = 0):
        pass

    count.__doc__ = text
    tool = lua_tool(count)
    properties = tool.json_schema()["properties"]
    assert [properties[name]["description"] for name in "ab"] == ["The first.", "The second."]
    assert tool.description.replace("\n\n", "\n") == "Count.\n:returns: a number"


async def test_an_error_names_the_tools_own_line_and_the_causes(ws):
    class Broken(OrderTool):
        async def execute(self, input):
            try:
                json.loads("{")  # raises below, in the library's file
            except ValueError as problem:
                raise ExceptionGroup("two", [KeyError("a"), problem]) from problem

    with pytest.raises(ToolError) as told:
        await Broken().call({"item": "tea", "count": 1})
    line = Broken.execute.__code__.co_firstlineno + 4
    assert told.value.message.startswith(
        "order_item failed: ExceptionGroup: two (2 sub-exceptions): KeyError: 'a', JSONDecodeError: "
    )
    assert "; caused by JSONDecodeError: Expecting" in told.value.message
    assert told.value.message.endswith(f"(line {line} of test_tools.py)")
    (*_, logged) = await ws.logs(source="skill")
    assert logged.message.startswith(f"{told.value.message}\n")
    assert "json.loads" in logged.message


async def test_a_tool_that_ends_the_program_only_fails(ws):
    @lua_tool
    async def leave() -> None:
        """Leave"""
        sys.exit(3)

    with pytest.raises(ToolError, match="leave failed: SystemExit: 3"):
        await leave.call({})


async def test_jobs_of_a_tool_belong_to_its_user(ws, clock):
    @lua_tool
    async def later() -> str:
        """Make a job"""

        async def execute(job):
            user = await job.user()
            await user.send("done")

        return (await Jobs.create(name="later", schedule=once(minutes=1), execute=execute)).id

    await later.call({}, user="user_bob")
    await clock.advance(minutes=2)
    assert [(message.user_id, message.text) for message in await ws.inbox()] == [
        ("user_bob", "done")
    ]


async def test_a_condition_can_close_a_tool(ws):
    class Closed(OrderTool):
        async def condition(self):
            return False

    with pytest.raises(ToolError, match="not available now"):
        await Closed().call({"item": "tea", "count": 1})


def test_a_tool_without_a_part_is_told_which():
    class Nameless(LuaTool):
        name = "two words"
        description = "x"
        input_schema = Order

        async def execute(self, input):
            return None

    with pytest.raises(InvalidInput, match="'two words'"):
        LuaSkill(name="s", tools=[Nameless()])
    Nameless.name = "fine"
    Nameless.input_schema = dict
    with pytest.raises(InvalidInput, match="pydantic model"):
        LuaSkill(name="s", tools=[Nameless()])


def test_the_forms_that_other_agents_take():
    tool = OrderTool()
    schema = tool.json_schema()
    assert schema["properties"]["count"]["minimum"] == 1
    assert tool.openai() == {
        "type": "function",
        "function": {
            "name": "order_item",
            "description": "Order an item",
            "parameters": schema,
        },
    }
    assert tool.anthropic() == {
        "name": "order_item",
        "description": "Order an item",
        "input_schema": schema,
    }


async def look(job):
    user = await User.get("user_bob")
    return user.data["plan"]


@lua_tool
async def look_later(name: str) -> str:
    """Have a job look at another user."""
    return (await Jobs.create(name=name, schedule=once(hours=1), execute=look)).id


async def test_a_job_made_in_a_tool_call_reaches_no_other_user_whoever_calls(ws):
    await ws.users.add("user_bob", data={"plan": "pro"})
    for user in ("user_alice", None):
        made = await look_later.call({"name": "looks"}, user=user)
        execution = await (await (await Jobs.get_job(made)).trigger()).wait()
        assert "users_reach" in execution.error.message
    job = await Jobs.create(name="looks for its owner", schedule=once(hours=1), execute=look)
    assert (await (await job.trigger()).wait()).result == "pro"


async def test_the_code_of_a_tool_itself_reaches_every_user(ws):
    await ws.users.add("user_bob", data={"plan": "pro"})

    @lua_tool
    async def plan_of(user_id: str) -> str:
        """Tell somebody's plan."""
        return (await User.get(user_id)).data["plan"]

    assert await plan_of.call({"user_id": "user_bob"}, user="user_alice") == "pro"
