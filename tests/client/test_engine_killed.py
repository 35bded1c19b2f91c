"""The engine dies while clients work; the next one is found and nothing acknowledged is lost."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections import Counter

import pytest

from luajobs_kit.acting_user import watching
from luajobs_kit.client import HttpPort, discover
from luajobs_kit.client.http_connection import Transport
from luajobs_kit.engine_address import Address
from luajobs_kit.errors import EngineUnavailable, LuaJobsError
from luajobs_kit.model import IntervalSchedule, LogLine, LogQuery, LogSource
from luajobs_kit.port import ToolOffer


async def kill_engine(port: HttpPort) -> int:
    """Kill the engine that serves the folder now; return its pid."""
    address = await discover.find_or_start(port.folder)
    os.kill(address.pid, signal.SIGKILL)
    return address.pid


async def test_questions_go_on_with_the_next_engine(folder, spec):
    async with await HttpPort.connect(folder) as port:
        job = await port.create_job(spec())
        killed = await kill_engine(port)
        assert (await port.get_job(job.id)).name == "job"
        assert (await port.status()).pid != killed


async def test_many_questions_at_once_start_one_engine(folder, spec):
    async with await HttpPort.connect(folder) as port:
        await kill_engine(port)
        statuses = await asyncio.gather(*(port.status() for _ in range(10)))
        assert len({status.pid for status in statuses}) == 1


async def test_a_verb_that_is_not_safe_to_repeat_says_so(folder, spec):
    async with await HttpPort.connect(folder) as port:
        now = (await port.status()).now

        line = LogLine(timestamp=now, message="once", metadata=LogSource(log_source="skill"))
        async with silent_server() as url:
            # It takes the question and closes: whether it was done cannot be known.
            port._session.transport = Transport(Address(url, "t", os.getpid(), "0"))
            with pytest.raises(EngineUnavailable, match="look before you repeat"):
                await port.write_log(line)
        assert (await port.logs(LogQuery(source="skill"))).logs == []


@contextlib.asynccontextmanager
async def silent_server():
    async def close(reader, writer):
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_follower_is_told_to_read_afresh_by_the_next_engine(folder, spec):
    async with await HttpPort.connect(folder) as port:
        news = port.events()
        await port.create_job(spec(name="one"))
        assert (await anext(news)).type == "JobCreated"
        await kill_engine(port)
        assert (await anext(news)).type == "Resync"
        await port.create_job(spec(name="two"))
        assert (await anext(news)).type == "JobCreated"


async def test_a_follower_ends_when_the_engine_is_stopped(folder):
    async with await HttpPort.connect(folder) as port:
        news = port.events()
        await port.status()
        following = asyncio.create_task(anext(news, None))
        await asyncio.to_thread(discover.stop, folder)
        assert await following is None
        assert await discover.find(folder) is None


STARTER = """
import asyncio, sys
from pathlib import Path
from luajobs_kit.client import connect

async def main():
    await connect(Path(sys.argv[1]))
    print("started", flush=True)
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


async def test_an_engine_is_stopped_at_once_while_the_face_that_started_it_stays_open(folder):
    face = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STARTER, folder, stdin=-1, stdout=-1
    )
    assert await face.stdout.readline() == b"started\n"
    assert await asyncio.to_thread(discover.stop, folder, patience=15)
    await face.communicate(b"")


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux tells of it")
async def test_an_engine_is_stopped_at_once_though_its_parent_does_not_look(folder):
    serve = [sys.executable, "-m", "luajobs_kit.server", "--workspace", folder]
    engine = subprocess.Popen(serve)  # noqa: ASYNC220 - asyncio's own would look after it
    async with asyncio.timeout(30):
        while await discover.find(folder) is None:
            pass
    assert await asyncio.to_thread(discover.stop, folder, patience=15) == engine.pid
    assert engine.wait() == 0


@pytest.mark.soak  # it is given ten seconds to answer
async def test_an_engine_that_does_not_answer_is_not_said_to_have_ended(folder):
    engine = await discover.find_or_start(folder)
    os.kill(engine.pid, signal.SIGSTOP)
    with pytest.raises(EngineUnavailable, match=f"kill -9 {engine.pid}"):
        await asyncio.to_thread(discover.stop, folder)
    os.kill(engine.pid, signal.SIGKILL)
    async with asyncio.timeout(30):
        while discover._alive(engine.pid):  # noqa: ASYNC110 - the kernel is quick
            await asyncio.sleep(0)
    assert await asyncio.to_thread(discover.stop, folder) is None


async def test_a_face_that_only_watches_does_not_start_an_engine_that_was_stopped(folder, spec):
    async with await HttpPort.connect(folder) as port:
        with watching():
            news = port.events(after="-")
            assert (await anext(news)).type == "Resync"
            await asyncio.to_thread(discover.stop, folder)
            assert await anext(news, None) is None
            for question in (port.status(), anext(port.events(after="-"))):
                with pytest.raises(EngineUnavailable, match="stopped"):
                    await question
        assert await discover.find(folder) is None
        await port.create_job(spec())  # somebody needs it
        with watching():
            assert (await anext(port.events(after="-"))).type == "Resync"
            killed = await kill_engine(port)  # one that died is started by whoever notices
            assert (await port.status()).pid != killed


async def test_an_offer_is_made_again_to_the_next_engine(folder, spec):
    async with await HttpPort.connect(folder) as port:
        calls = port.offer([ToolOffer(name="double", timeout=20)])

        async def answer() -> None:
            async for call in calls:
                await port.answer(call.id, 2 * call.arguments["n"])

        answering = asyncio.create_task(answer())
        body = "from luajobs_kit import tools; return await tools.double(n=4)"
        job = await port.create_job(spec(body))
        assert (await port.wait_execution((await port.trigger_job(job.id)).id)).result == 8
        await asyncio.to_thread(discover.stop, folder)
        async with asyncio.timeout(30):
            while not await port.tools():  # the offer waited for it
                pass
        await kill_engine(port)
        results = []
        async with asyncio.timeout(30):
            while results[-1:] != [8]:  # until the offer has reached the next engine
                done = await port.wait_execution((await port.trigger_job(job.id)).id)
                results.append(done.result)
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


async def test_a_client_without_its_folder_gives_up_with_words(folder):
    port = await HttpPort.connect(folder, patience=5)
    address = port.address
    folder.rename(folder.with_name("moved"))
    os.kill(address.pid, signal.SIGKILL)
    try:
        with pytest.raises(EngineUnavailable, match="gone"):
            await port.status()
    finally:
        await port.aclose()


class _Work:
    """Clients that create, trigger and follow, and what was acknowledged to them."""

    def __init__(self, port: HttpPort, spec) -> None:
        self.port, self.spec = port, spec
        self.created: dict[str, str] = {}  # name: id
        self.triggered: list[str] = []
        self.lines: list[dict[int, str]] = []
        self.refused: list[LuaJobsError] = []

    async def create(self, number: int) -> None:
        while True:
            name = f"job{number}_{len(self.created)}"
            job = await self.port.create_job(self.spec(name=name))
            self.created[name] = job.id

    async def trigger(self, job_id: str) -> None:
        while True:
            execution = await self.port.trigger_job(job_id)
            self.triggered.append(execution.id)
            await self.port.wait_execution(execution.id, timeout=5)

    async def follow(self) -> None:
        lines: dict[int, str] = {}
        self.lines.append(lines)
        async for event in self.port.events():
            if event.type == "LogWritten":
                lines[event.line.seq] = event.line.message
            elif event.type == "Resync":
                lines.clear()  # a line of the last instant may have been seen and not kept
                await catch_up(self.port, lines)


async def catch_up(port: HttpPort, lines: dict[int, str]) -> None:
    while (page := await port.logs(LogQuery(after=max(lines, default=0), limit=500))).logs:
        lines |= {line.seq: line.message for line in page.logs}


async def storm(folder, spec, kills: int, chance: random.Random) -> None:
    # Killed as soon as it answers, again and again: a question may need many engines.
    async with (
        await HttpPort.connect(folder, patience=300) as port,
        await HttpPort.connect(folder) as other,
    ):
        work = _Work(port, spec)
        ticking = await port.create_job(
            spec("print('tick')", name="ticking", schedule=IntervalSchedule(seconds=1))
        )
        busy = await port.create_job(spec("print('run')", name="busy"))
        tasks = [
            *(asyncio.create_task(work.follow()) for _ in range(2)),
            *(asyncio.create_task(work.create(number)) for number in range(2)),
            *(asyncio.create_task(work.trigger(busy.id)) for _ in range(2)),
        ]
        for _ in range(kills):
            done, _ = await asyncio.wait(tasks, timeout=chance.uniform(0.3, 1.5))
            assert not done, [task.exception() for task in done]
            await kill_engine(other)
        for task in tasks[2:]:
            task.cancel()
        await asyncio.gather(*tasks[2:], return_exceptions=True)
        now = (await port.status()).now
        last = LogLine(timestamp=now, message="last", metadata=LogSource(log_source="skill"))
        last = await port.write_log(last)
        async with asyncio.timeout(20):
            while not all(last.seq in lines for lines in work.lines):  # noqa: ASYNC110 - theirs to read
                await asyncio.sleep(0.02)
        for task in tasks[:2]:
            task.cancel()
        await asyncio.gather(*tasks[:2], return_exceptions=True)

        jobs = await port.list_jobs(include_dynamic=True)
        assert work.created.items() <= {job.name: job.id for job in jobs}.items()
        assert len({job.name for job in jobs}) == len(jobs)
        kept = [one async for one in every_execution(port, busy.id)]
        assert set(work.triggered) <= {one.id for one in kept}
        ticks = [one async for one in every_execution(port, ticking.id)]
        fires = Counter(one.fire_time for one in ticks if one.cause != "manual")
        assert fires, "nothing fired"
        assert max(fires.values()) == 1
        await port.deactivate_job(ticking.id)
        for execution in kept[:4] + ticks[:4]:
            await port.wait_execution(execution.id, timeout=10)
        log: dict[int, str] = {}
        await catch_up(port, log)
        for lines in work.lines:
            await catch_up(port, lines)
            assert lines == log


async def every_execution(port: HttpPort, job_id: str):
    offset = 0
    while (page := await port.list_executions(job_id, limit=500, offset=offset)).executions:
        for execution in page.executions:
            yield execution
        offset += 500


async def test_nothing_acknowledged_is_lost_when_the_engine_is_killed(folder, spec):
    await storm(folder, spec, kills=2, chance=random.Random(1))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5))
async def test_nothing_acknowledged_is_lost_in_a_storm_of_kills(folder, spec, seed):
    await storm(folder, spec, kills=20, chance=random.Random(seed))
