"""The same surface over HTTP: an engine of its own, and a script with several event loops."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent

import pytest

from luajobs_kit import Jobs, Workspace, acting_as, every
from luajobs_kit.client import discover, find_workspace


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A workspace whose engine is started by the first client and ended afterwards."""
    folder = find_workspace.find(tmp_path_factory.mktemp("project"))
    yield folder
    discover.stop(folder)


async def execute(job):
    print("asking")  # noqa: T201 - the job's log
    return await tools.weather(city=job.metadata["city"])  # noqa: F821 - job code has it


async def make_and_run(city: str):
    job = await Jobs.create(
        name="asks", schedule=every(hours=1), execute=execute, metadata={"city": city}
    )
    execution = await (await job.trigger()).wait(timeout=30)
    return execution.result, [line.message for line in await execution.logs()]


async def test_a_tool_of_this_process_answers_a_job_of_another(folder):
    async with Workspace(folder) as ws:

        @ws.tool
        async def weather(city: str) -> str:
            return f"sun in {city}"

        assert await make_and_run("Rome") == ("sun in Rome", ["asking"])
        with acting_as("user_alice"):
            job = await Jobs.create(
                name="hers", schedule=every(hours=1), execute=execute, metadata={"city": "Paris"}
            )
            assert (await job.user()).id == "user_alice"
        assert str(folder) in repr(ws)


async def test_a_tool_is_offered_although_nothing_else_is_asked(folder):
    offering, asking = Workspace(folder), Workspace(folder)

    @offering.tool
    async def moon(day: int) -> str:
        return f"moon of day {day}"

    await asyncio.gather(*offering._offering)
    await offering.status()
    async with offering, asking:
        job = await Jobs.create(
            name="moon",
            schedule=every(hours=1),
            execute=lambda job: tools.moon(day=3),  # noqa: F821 - job code has it
        )
        assert (await (await job.trigger()).wait(timeout=30)).result == "moon of day 3"


def test_one_workspace_lives_through_several_event_loops(folder):
    ws = Workspace(folder)

    @ws.tool
    async def weather(city: str) -> str:
        return f"rain in {city}"

    async def once():
        with ws.entered():
            return await make_and_run("London")

    with ThreadPoolExecutor(1) as thread:  # a loop of its own, as a script has
        for _ in range(2):
            result, _ = thread.submit(asyncio.run, once()).result()
            assert result == "rain in London"


def test_a_script_ends_without_a_word_of_unclosed_connections(folder):
    script = dedent("""
        import asyncio, logging, sys
        from luajobs_kit import Workspace
        ws = Workspace(sys.argv[1])
        # -X dev tells of slow steps too, which a busy machine has; that is below an error.
        logging.getLogger("asyncio").setLevel(logging.ERROR)

        @ws.tool
        async def nothing() -> None:
            pass

        async def names():
            return [job.name for job in await ws.jobs.get_all(include_dynamic=True)]

        asyncio.run(names())
        print(asyncio.run(names()))
    """)
    ran = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", script, str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "asks" in ran.stdout
    assert ran.stderr == ""


async def test_a_workspace_nobody_holds_any_more_ends_without_a_noise(folder):
    noises = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noises.append(context))

    assert (await Workspace(folder).status()).pid
    gc.collect()

    assert not noises
