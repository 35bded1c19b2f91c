"""The engine process: how it ends, how long it stays, and that slow readers do not hold it up."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from luajobs_kit.client import HttpPort, discover
from luajobs_kit.clock import SystemClock
from luajobs_kit.engine.events import Events
from luajobs_kit.engine_address import FILE, Address
from luajobs_kit.model import (
    Bundle,
    IntervalSchedule,
    JobSpec,
    LogLine,
    LogSource,
    LogWritten,
)
from luajobs_kit.server import process
from luajobs_kit.server.event_broadcast import Broadcast
from luajobs_kit.server.listening_sockets import bind

SLEEPER = (
    "import asyncio\nasync def execute(job):\n    await asyncio.sleep({})\n    return 'slept'\n"
)


def sleeper(seconds: float) -> JobSpec:
    return JobSpec(
        name="sleeper",
        schedule=IntervalSchedule(seconds=3600),
        bundle=Bundle(source=SLEEPER.format(seconds), entry="execute"),
    )


@pytest.fixture
async def own(tmp_path):
    """A port to an engine of this test's own."""
    folder = tmp_path / ".luajobs"
    folder.mkdir(mode=0o700)
    async with await HttpPort.connect(folder) as port:
        yield port
    await asyncio.to_thread(discover.stop, folder)


async def test_sigterm_lets_a_run_finish_and_its_waiter_hear_of_it(own):
    job = await own.create_job(sleeper(1))
    news = own.events()
    execution = await own.trigger_job(job.id)
    async for event in news:
        if event.type == "ExecutionStarted":
            break
    waiting = asyncio.create_task(own.wait_execution(execution.id))
    await own.status()  # asked after the wait was sent
    pid = own.address.pid
    os.kill(pid, signal.SIGTERM)
    assert (await waiting).status == "completed"
    async with asyncio.timeout(15):
        while discover._alive(pid):  # noqa: ASYNC110 - another process sets no event of ours
            await asyncio.sleep(0.02)
    assert (await own.get_execution(execution.id)).result == "slept"  # of the next engine


async def test_an_engine_that_ends_takes_its_address_away(own):
    folder, pid = own.folder, own.address.pid
    assert await asyncio.to_thread(discover.stop, folder) == pid
    assert not (folder / FILE).exists()
    assert await asyncio.to_thread(discover.stop, folder) is None
    assert (await own.status()).pid != pid


async def test_an_address_that_was_removed_is_written_again(own):
    (own.folder / FILE).unlink()
    async with asyncio.timeout(10):
        while Address.read(own.folder) is None:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.05)
    assert Address.read(own.folder) == own.address


async def test_the_engine_counts_its_clients(own):
    news = own.events()
    async with asyncio.timeout(10):
        # The stream, and the questions' connection.
        while (await own.status()).clients < 2:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.1)
    del news


@pytest.mark.parametrize("stays", [False, True])
async def test_without_clients_the_engine_leaves_unless_it_must_stay(tmp_path, stays):
    folder = tmp_path / ".luajobs"
    folder.mkdir(mode=0o700)
    program = (
        "import sys; from pathlib import Path; from luajobs_kit.server import process;"
        "process.LEAVE_AFTER = 1.0; process.LOOK = 0.1;"
        "process.serve(Path(sys.argv[1]), stay=False, report=lambda line: print(line, flush=True))"
    )
    engine = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(folder), stdout=subprocess.PIPE
    )
    assert str(folder).encode() in await engine.stdout.readline()
    if stays:
        address = Address.read(folder)
        async with HttpPort(folder, address) as port:
            await port.create_job(sleeper(0))  # it has a next fire
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(engine.wait(), 2.5)
        engine.terminate()
    assert await asyncio.wait_for(engine.wait(), 15) == 0


async def test_an_interrupted_cell_does_not_end_the_engine(tmp_path):
    """A notebook's interrupt goes to the kernel's whole process group."""
    folder = tmp_path / ".luajobs"
    folder.mkdir(mode=0o700)
    client = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import asyncio, sys, time; from pathlib import Path\n"
        "from luajobs_kit.client import discover\n"
        "print(asyncio.run(discover.find_or_start(Path(sys.argv[1]))).pid, flush=True)\n"
        "time.sleep(60)",
        str(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    pid = int(await client.stdout.readline())
    os.killpg(client.pid, signal.SIGINT)
    await client.wait()
    found = await discover.find(folder)
    assert found is not None
    assert found.pid == pid
    await asyncio.to_thread(discover.stop, folder)


async def test_a_follower_that_does_not_read_holds_up_nobody(address, http, port):
    host, _, number = address.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(number), limit=1024)
    writer.write(
        f"GET /kit/v1/events HTTP/1.1\r\nHost: {host}:{number}\r\n"
        f"Authorization: Bearer {address.token}\r\n\r\n".encode()
    )
    await reader.readuntil(b"event: cursor")
    now = (await port.status()).now
    news = port.events()
    for index in range(200):
        line = LogLine(
            timestamp=now,
            message=f"{index} " + "x" * 20_000,
            metadata=LogSource(log_source="skill"),
        )
        await port.write_log(line)
    seen = 0
    async with asyncio.timeout(10):
        async for event in news:
            seen += event.type == "LogWritten"
            if seen == 200:
                break
    writer.close()


async def test_a_follower_behind_the_tail_is_cut_and_then_told_to_read_afresh():
    clock = SystemClock()
    events = Events(clock, keep=5)
    broadcast = Broadcast(events)
    await broadcast.start()
    slow = broadcast.follow(None)
    first = await anext(slow)
    cursor = broadcast.cursor
    # With its id any client of server-sent events comes back where it left.
    assert first.startswith(f"id: {cursor}\nevent: cursor\n".encode())
    quick = broadcast.follow(None)
    await anext(quick)
    line = LogLine(timestamp=clock.now(), message="x", metadata=LogSource())
    for _ in range(20):
        events.publish(LogWritten(at=line.timestamp, line=line))
        await asyncio.sleep(0)  # a turn of the loop, in which its line is written
    async for part in quick:
        if b".20\n" in part:  # the last of them was sent
            break
    assert [part async for part in slow] == []
    again = broadcast.follow(cursor)
    assert b'"Resync"' in await anext(again)
    await again.aclose()
    await quick.aclose()
    await broadcast.aclose()


async def test_a_broadcast_behind_the_tail_itself_has_its_followers_read_afresh():
    clock = SystemClock()
    events = Events(clock, keep=5)
    broadcast = Broadcast(events)
    await broadcast.start()
    line = LogLine(timestamp=clock.now(), message="x", metadata=LogSource())
    begun = broadcast.cursor
    early = broadcast.follow(None)
    await anext(early)
    for _ in range(20):  # in one turn of the loop: the first of them are never written
        events.publish(LogWritten(at=line.timestamp, line=line))
    assert [part async for part in early] == []
    stream = broadcast.follow(begun)
    assert b'"Resync"' in await anext(stream)
    assert events.cursor.encode() in await anext(stream)
    events.publish(LogWritten(at=line.timestamp, line=line))
    assert b'"LogWritten"' in await anext(stream)
    await stream.aclose()
    await broadcast.aclose()


def test_the_command_refuses_a_folder_that_cannot_be_used(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    answer = subprocess.run(
        [sys.executable, "-m", "luajobs_kit.server", "--workspace", str(tmp_path / "file" / "x")],
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert answer.returncode != 0
    assert b"Traceback" not in answer.stderr, answer.stderr.decode()


def test_a_taken_port_is_told(tmp_path, address):
    port = int(address.url.rpartition(":")[2])
    with pytest.raises(Exception, match=f"{port} cannot be listened on"):
        process.serve(Path(tmp_path), port=port)


def test_a_port_that_was_given_to_an_engine_is_its_own_before_it_answers():
    """Until it listens, the system gives it to whoever says that addresses may be reused."""
    with bind("127.0.0.1", 0) as ours, socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind(ours.getsockname())
