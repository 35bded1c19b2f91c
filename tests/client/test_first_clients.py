"""The first client starts the engine; the next ones find it."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from luajobs_kit.client import HttpPort, discover, find_workspace
from luajobs_kit.engine_address import FILE, Address
from luajobs_kit.errors import EngineUnavailable, WorkspaceError, WorkspaceLocked
from luajobs_kit.server import process

CLIENT = """
import asyncio, sys
from luajobs_kit.client import connect
async def main():
    port = await connect(sys.argv[1])
    print((await port.status()).pid)
    await port.aclose()
asyncio.run(main())
"""


async def race(folder: Path, clients: int) -> set[int]:
    """Connect that many clients at once; return the pids of the engines they found."""
    ports = await asyncio.gather(*(HttpPort.connect(folder) for _ in range(clients)))
    pids = {(await port.status()).pid for port in ports}
    for port in ports:
        await port.aclose()
    return pids


async def races(place: Path, count: int) -> None:
    for number in range(count):
        folder = place / str(number) / ".luajobs"
        folder.mkdir(parents=True, mode=0o700)
        pids = await race(folder, 5 - number % 4)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert len(pids) == 1


async def test_clients_that_start_at_once_get_one_engine(tmp_path):
    await races(tmp_path, 2)


@pytest.mark.soak
@pytest.mark.parametrize("lot", range(20))
async def test_clients_that_start_at_once_get_one_engine_two_hundred_times(tmp_path, lot):
    await races(tmp_path, 10)


async def test_client_processes_that_start_at_once_get_one_engine(folder):
    clients = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLIENT, str(folder), stdout=subprocess.PIPE
        )
        for _ in range(3)
    ]
    pids = {(await client.communicate())[0] for client in clients}
    assert len(pids) == 1
    assert pids.pop().strip().isdigit()


async def test_the_address_is_the_owners_alone_and_the_engine_a_session_of_its_own(folder):
    address = await discover.find_or_start(folder)
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert os.getsid(address.pid) == address.pid
    assert os.getpgid(address.pid) != os.getpgid(0)
    assert address.url.startswith("http://127.0.0.1:")


async def test_the_engine_outlives_the_client_that_started_it(folder):
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLIENT, str(folder), stdout=subprocess.PIPE
    )
    pid = int((await client.communicate())[0])
    found = await discover.find(folder)
    assert found is not None
    assert found.pid == pid


async def test_a_stale_address_is_recognised(folder):
    first = await discover.find_or_start(folder)
    os.kill(first.pid, signal.SIGKILL)
    second = await discover.find_or_start(folder)
    assert second.pid != first.pid
    assert second.token != first.token


async def test_another_server_at_the_old_address_is_not_taken_for_the_engine(folder):
    """The port was given to somebody else, and the pid to a process that lives."""

    async def impostor(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(impostor, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        Address(url=url, token="t", pid=os.getpid(), version="0").write(folder)
        assert await discover.find(folder) is None
        found = await discover.find_or_start(folder)
    assert found.url != url


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"url": 1}', "null", "[" * 100_000),
        '{"url": "http://127.0.0.1:99999", "token": "t", "pid": 1, "version": "0"}',
        '{"url": "http://[::1", "token": "t", "pid": 1, "version": "0"}',
        '{"url": "http://127.0.0.1:1", "token": "é", "pid": 1, "version": "0"}',
        '{"url": "http://127.0.0.1:1", "token": "t", "pid": 1e400, "version": "0"}',
        '{"url": "http://127.0.0.1:1", "token": "t", "pid": 1%s, "version": "0"}' % ("0" * 30),
        '{"url": "http://127.0.0.1:1", "token": "t", "pid": -1, "version": "0"}',
    ],
    ids=range(12),
)
def test_an_address_that_cannot_be_read_is_none(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    (tmp_path / FILE).chmod(0o600)
    assert Address.read(tmp_path) is None


def test_an_address_that_others_could_have_written_is_not_believed(tmp_path):
    Address(url="http://127.0.0.1:1", token="t", pid=1, version="0").write(tmp_path)
    assert Address.read(tmp_path) is not None
    (tmp_path / FILE).chmod(0o622)
    assert Address.read(tmp_path) is None


async def test_a_start_that_fails_shows_the_engines_last_words(folder):
    (folder / "workspace.json").mkdir()  # where definitions are kept: cannot be read as a file
    for name in ("definitions.json", "history.sqlite", "history.db"):
        (folder / name).mkdir(exist_ok=True)
    with pytest.raises(EngineUnavailable, match="last words") as refused:
        await discover.find_or_start(folder, patience=20)
    assert str(folder) in refused.value.message


async def test_a_second_engine_is_refused_and_says_who_owns_the_folder(folder):
    address = await discover.find_or_start(folder)
    second = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "luajobs_kit.server", "--workspace", str(folder)),
        stderr=subprocess.PIPE,
    )
    _, words = await second.communicate()
    assert second.returncode == process.TAKEN
    assert str(address.pid).encode() in words
    with pytest.raises(WorkspaceLocked):
        await asyncio.to_thread(process_serve_elsewhere, folder)


def process_serve_elsewhere(folder: Path) -> None:
    asyncio.run(
        process._Process(
            folder, "127.0.0.1", 0, ["127.0.0.1"], stay=True, tls=None, report=None
        )._open()
    )


def test_the_nearest_workspace_walking_up_is_used(tmp_path, monkeypatch):
    monkeypatch.delenv("LUAJOBS_HOME", raising=False)
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    made = find_workspace.find()
    assert made == inner / ".luajobs"
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    made.rmdir()
    (tmp_path / ".luajobs").mkdir()
    assert find_workspace.find() == tmp_path / ".luajobs"
    assert find_workspace.find(tmp_path / "x") == tmp_path / "x" / ".luajobs"
    monkeypatch.setenv("LUAJOBS_HOME", str(tmp_path / "home"))
    assert find_workspace.find() == tmp_path / "home" / ".luajobs"
    assert find_workspace.find(tmp_path / "x") == tmp_path / "x" / ".luajobs"


def test_a_workspace_of_another_user_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(WorkspaceError, match="another user"):
        find_workspace.find(tmp_path)


def test_a_workspace_that_is_not_there_is_not_made_when_only_looked_for(tmp_path):
    with pytest.raises(WorkspaceError, match="no workspace"):
        find_workspace.find(tmp_path, make=False)
