"""Answers of many megabytes are the same answers, and the loop has its turn while they are written."""

import asyncio
import contextlib

import pytest

from luajobs_kit import port_schema
from luajobs_kit.model import Bundle, IntervalSchedule, JobSpec
from luajobs_kit.server.responses import documents, many


@pytest.fixture
async def jobs(port):
    for n in range(3):
        for number in range(2):
            source = f"async def execute(job):\n    return {number}\n"
            spec = JobSpec(
                name=f"job {n}",
                schedule=IntervalSchedule(seconds=3600),
                bundle=Bundle(source=source, entry="execute"),
                metadata={"text": "ü" * 50_000},
            )
            job = await port.create_job(spec)
        await port.wait_execution((await port.trigger_job(job.id)).id)
    return await port.list_jobs(include_dynamic=True)


async def passes_during(asked):
    count = 0

    async def go():
        nonlocal count
        while True:
            count += 1
            await asyncio.sleep(0)

    going = asyncio.create_task(go())
    await asyncio.sleep(0)
    before = count
    found = await asked
    going.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await going
    return found, count - before


async def test_documents_in_pieces_are_what_the_verb_writes(port, jobs):
    for name, value in (
        ("list_jobs", jobs),
        ("get_job", jobs[0]),
        ("list_executions", await port.list_executions()),
    ):
        verb = port_schema.verb(name)
        body, passes = await passes_during(documents(value))
        assert verb.read_answer(body) == verb.read_answer(verb.write_answer(value))
        assert passes >= 2, name


async def test_what_has_no_list_of_documents_is_left_to_the_verb(port):
    assert await documents(await port.status()) is None
    assert await documents([]) is None


async def test_plain_json_is_written_with_turns_of_the_loop_in_between():
    answer, passes = await passes_during(many([["x" * 9] * 20_000] * 5, beside=1))
    assert passes >= 5
    assert answer.body.startswith(b'{"success":true,"data":[["xxx')
    assert answer.body.endswith(b'"beside":1}')
