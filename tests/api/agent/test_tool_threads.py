"""Tools that run while other things are busy: other tools, the notebook, the engine."""

from __future__ import annotations

import asyncio
import threading

import pytest

from luajobs_kit import Data, Jobs, LuaJobsError, Workspace, acting_as, every, http_protocol
from luajobs_kit.acting_user import acting_user
from luajobs_kit.client import discover, find_workspace
from luajobs_kit.port import Port

LONG = 60  # seconds that no test takes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = find_workspace.find(tmp_path_factory.mktemp("project"))
    yield folder
    discover.stop(folder)


async def begun(name):
    """Begin a job that calls one tool, and return its run."""
    source = f"async def execute(job):\n    return await tools.{name}()\n"
    job = await Jobs.create(name=f"calls {name}", schedule=every(hours=1), source=source)
    return await job.trigger()


async def check_that_a_blocking_tool_delays_no_other(ws):
    entered, released = threading.Event(), threading.Event()

    @ws.tool(timeout=LONG)
    async def block() -> bool:
        entered.set()
        return released.wait(LONG)

    @ws.tool(timeout=LONG)
    async def quick() -> str:
        return "done"

    blocking = await begun("block")
    assert await asyncio.to_thread(entered.wait, LONG)
    assert (await (await begun("quick")).wait(LONG)).result == "done"
    released.set()
    assert (await blocking.wait(LONG)).result is True


async def test_an_async_tool_that_blocks_delays_neither_the_others_nor_the_engine(ws):
    await check_that_a_blocking_tool_delays_no_other(ws)


async def test_nor_does_it_over_http_while_the_offering_cell_is_busy(folder):
    async with Workspace(folder) as ws:
        await check_that_a_blocking_tool_delays_no_other(ws)
        called = threading.Event()

        @ws.tool
        def ring() -> str:
            called.set()
            return "rung"

        run = await begun("ring")
        assert called.wait(LONG)  # this loop makes no step meanwhile, as in a busy cell
        assert (await run.wait(LONG)).result == "rung"


async def test_tools_share_a_loop_that_is_not_the_notebooks(ws):
    loops = []

    @ws.tool
    async def where() -> None:
        loops.append(asyncio.get_running_loop())

    for _ in range(2):
        await (await begun("where")).wait(LONG)
    assert loops[0] is loops[1]
    assert loops[0] is not asyncio.get_running_loop()


async def test_a_tool_asks_its_workspace_as_its_caller(ws):
    @ws.tool
    async def note() -> list:
        await Data.create("notes", {"by": acting_user()})
        return [entry.data["by"] for entry in (await Data.get("notes")).data]

    with acting_as("user_alice"):
        run = await begun("note")
    assert (await run.wait(LONG)).result == ["user_alice"]


async def test_a_tool_that_is_cancelled_by_its_own_code_fails_at_once(ws):
    @ws.tool(timeout=LONG)
    async def give_up() -> None:
        raise asyncio.CancelledError

    run = await (await begun("give_up")).wait(LONG)
    assert "give_up failed: it was cancelled" in run.error.message


async def test_a_closed_workspace_offers_nothing_and_begins_again_when_opened(folder):
    ws = Workspace(folder)

    @ws.tool
    def wave() -> str:
        return "hello"

    for _ in range(2):
        async with ws:
            assert (await (await begun("wave")).wait(LONG)).result == "hello"
    async with Workspace(folder):
        run = await (await begun("wave")).wait(LONG)
    assert "was offered by a client that has left" in run.error.message


async def test_a_cell_that_is_edited_and_run_again_offers_what_it_says_now(folder):
    async with Workspace(folder) as ws:

        @ws.tool(name="edited", timeout=5)
        def before(a: int = 0) -> str:
            return "before"

        assert (await (await begun("edited")).wait(LONG)).result == "before"

        @ws.tool(name="edited", timeout=7)
        def after(b: int = 0) -> str:
            """Say what it is now"""
            return "after"

        [offer] = [each for each in await ws.ask(Port.tools) if each.name == "edited"]
        assert (offer.timeout, offer.description) == (7, "Say what it is now")
        assert list(offer.input_schema["properties"]) == ["b"]
        assert (await (await begun("edited")).wait(LONG)).result == "after"


@pytest.mark.parametrize("given", ["\ud800", "x" * (http_protocol.MAX_BODY + 1)])
async def test_an_answer_that_cannot_be_passed_on_is_told_at_once(folder, given):
    async with Workspace(folder) as ws:

        @ws.tool(name="odd", timeout=LONG)
        def odd() -> str:
            return given

        run = await (await begun("odd")).wait(LONG)
    assert "odd returned what cannot be passed on" in run.error.message


async def test_a_plain_tool_may_end_an_iteration_badly(ws):
    @ws.tool(timeout=LONG)
    def first() -> int:
        return next(iter([]))

    with pytest.raises(LuaJobsError, match=r"first failed: RuntimeError: .*StopIteration"):
        await ws.tools.first()
