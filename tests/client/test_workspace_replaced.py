"""A folder is removed, replaced or copied while its engine runs: who answers for what."""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from luajobs_kit.acting_user import watching
from luajobs_kit.client import HttpPort, discover
from luajobs_kit.client.http_connection import Transport
from luajobs_kit.engine_address import Address
from luajobs_kit.errors import EngineUnavailable, WorkspaceGone
from luajobs_kit.lock_file import Owner


def end(folder):
    """Kill the folder's engine, if there is one."""
    address = Address.read(folder)
    if address is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(address.pid, signal.SIGKILL)


async def has_left(pid):
    async with asyncio.timeout(30):
        while discover._alive(pid):  # noqa: ASYNC110 - another process sets no event of ours
            await asyncio.sleep(0.02)


def shell(words, folder):
    """Run what somebody would type beside the workspace."""
    subprocess.run(["sh", "-ec", words], cwd=folder.parent, check=True)


BACKUP = "cp -a .luajobs backup"
DONE = {
    "rm -rf .luajobs": set(),
    "rm -rf .luajobs/*": set(),
    "rm .luajobs/lock .luajobs/engine.json": {"before", "after"},
    "rm -rf .luajobs; mv backup .luajobs": {"before"},
    "mv .luajobs old; cp -a backup .luajobs": {"before"},
    "cp -a backup/. .luajobs/": {"before"},
    "cp -r backup/. .luajobs/": {"before"},
    "mv .luajobs away": set(),
}


# One of each kind: what stands there afterwards is nothing, the same, something earlier.
FIRST_OF_A_KIND = {
    "mv .luajobs away",
    "rm .luajobs/lock .luajobs/engine.json",
    "cp -a backup/. .luajobs/",
}


@pytest.mark.parametrize(
    "done",
    [
        pytest.param(each, marks=() if each in FIRST_OF_A_KIND else pytest.mark.soak)
        for each in DONE
    ],
)
async def test_a_job_made_right_after_is_kept_and_the_engine_of_before_leaves(folder, spec, done):
    async with await HttpPort.connect(folder) as port:
        old = port.address.pid
        await port.create_job(spec(name="before"))
        shell(BACKUP, folder)
        await port.create_job(spec(name="after"))
    shell(done, folder)
    folder.mkdir(mode=0o700, exist_ok=True)  # as whoever looks for the workspace does
    async with await HttpPort.connect(folder) as port:
        new = port.address.pid
        assert new != old
        await port.create_job(spec(name="fresh"))
        os.kill(new, signal.SIGKILL)
    await has_left(old)
    async with await HttpPort.connect(folder) as port:
        jobs = await port.list_jobs(include_dynamic=True)
        assert {job.name for job in jobs} == DONE[done] | {"fresh"}
        assert port.address.pid not in {old, new}


@pytest.mark.parametrize(
    "done",
    [
        "rm .luajobs/lock",
        pytest.param("rm -rf .luajobs", marks=pytest.mark.soak),
        pytest.param("mv .luajobs away", marks=pytest.mark.soak),
    ],
)
async def test_who_asks_the_engine_of_before_is_told_why_and_nothing_is_written(folder, spec, done):
    """The kit's clients look at the folder first; a program of one's own may not."""
    async with await HttpPort.connect(folder) as port:
        address = port.address
        await port.create_job(spec(name="before"))
    shell(done, folder)
    before = tree(folder)
    transport = Transport(address)
    body = json.dumps({"spec": spec(name="lost").to_json()}).encode()
    status, answer = await transport.ask("/kit/v1/create_job", body, [], seconds=20)
    transport.close()
    assert (status, json.loads(answer)["error"]["code"]) == (503, "workspace_gone")
    await has_left(address.pid)
    assert tree(folder) == before


def tree(folder):
    names = ("definitions.json", "definitions.journal", "lock", "engine.json")
    return {name: (folder / name).read_bytes() for name in names if (folder / name).exists()}


async def test_a_client_goes_on_in_the_folder_that_stands_at_the_path(folder, spec):
    async with await HttpPort.connect(folder) as port:
        await port.create_job(spec(name="before"))
        old = port.address.pid
        shell("mv .luajobs away; mkdir -m 700 .luajobs", folder)
        await port.create_job(spec(name="fresh"))
        assert port.address.pid != old
        assert [job.name for job in await port.list_jobs(include_dynamic=True)] == ["fresh"]


async def test_a_client_of_a_folder_that_is_not_there_is_told_so(folder):
    async with await HttpPort.connect(folder) as port:
        shutil.rmtree(folder)
        with pytest.raises(EngineUnavailable, match="is gone"):
            await port.status()
    assert not folder.exists()


async def test_who_watches_is_told_why_the_engine_left(folder):
    async with await HttpPort.connect(folder) as port:
        with watching():
            news = port.events(after="-")
            assert (await anext(news)).type == "Resync"
            shell("mv .luajobs away", folder)
            with pytest.raises(WorkspaceGone, match="removed, moved away or replaced"):
                await anext(news)


# A copy of a project


async def test_a_copied_project_has_an_engine_of_its_own(folder, spec, tmp_path):
    copied = tmp_path / "copy" / ".luajobs"
    async with await HttpPort.connect(folder) as port:
        await port.create_job(spec(name="nightly"))
        shutil.copytree(tmp_path, tmp_path / "copy", ignore=shutil.ignore_patterns("copy"))
        assert await discover.find(copied) is None
        try:
            async with await HttpPort.connect(copied) as other:
                assert other.address.pid != port.address.pid
                assert (await other.status()).workspace == str(copied)
                await other.delete_job((await other.find_job("nightly")).id)
                assert await other.list_jobs(include_dynamic=True) == []
            assert await asyncio.to_thread(discover.stop, copied)
            assert await asyncio.to_thread(discover.stop, copied) is None
        finally:
            await asyncio.to_thread(end, copied)
        [job] = await port.list_jobs(include_dynamic=True)
        assert job.name == "nightly"


async def test_the_engine_of_the_original_is_not_ended_for_a_copy(folder, tmp_path):
    address = await discover.find_or_start(folder)
    copied = tmp_path / "copy"
    shutil.copytree(folder, copied)
    assert await asyncio.to_thread(discover.stop, copied) is None
    assert (await discover.find(folder)).pid == address.pid


COMMANDS = [
    "jobs list",
    "status",
    *(
        pytest.param(words, marks=pytest.mark.soak)
        for words in ("doctor", "settings", "export out.json", "lua-env", "inbox")
    ),
]


@pytest.mark.parametrize("words", COMMANDS)
async def test_no_command_in_a_copy_reaches_the_engine_of_the_original(
    folder, spec, tmp_path, words
):
    async with await HttpPort.connect(folder) as port:
        await port.create_job(spec(name="nightly"))
        token = port.address.token
    copied = tmp_path / "copy" / ".luajobs"
    shutil.copytree(tmp_path, copied.parent, ignore=shutil.ignore_patterns("copy"))
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "luajobs_kit.cli", "-w", str(copied), *words.split()],
        cwd=copied.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    asked = Address.read(copied)
    await asyncio.to_thread(end_other, copied, token)
    if words == "status":
        assert done.returncode == 3, done.stderr
        assert "No engine runs" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert asked.token != token, words
    assert token not in done.stdout


def end_other(folder, token):
    address = Address.read(folder)
    if address is not None and address.token != token:
        end(folder)


# Engines of an older kit, which write no id


@pytest.fixture
async def old_engine(folder):
    """An engine that holds the folder's lock, and answers as one did before there were ids."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"success": true, "data": {"luajobs": "0.1.0", "cursor": "x.0"}}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump({"pid": os.getpid(), "startedAt": "2026-01-02T00:00:00+00:00"}, file)
        file.write("\n")
        file.flush()
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            address = Address(url=url, token="t", pid=os.getpid(), version="0.1.0")
            address.write(folder)
            yield address
    (folder / "engine.json").unlink(missing_ok=True)  # nobody kills this process by it


async def test_an_engine_without_an_id_is_found_by_its_lock(folder, old_engine):
    assert await discover.find(folder) == old_engine


async def test_an_engine_without_an_id_is_not_found_in_a_copy(folder, old_engine, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    assert await discover.find(tmp_path / "copy") is None


async def test_an_engine_that_answers_another_id_is_not_believed(folder, old_engine):
    told = {"pid": os.getpid(), "startedAt": "2026-01-02T00:00:00+00:00", "id": "0" * 32}
    (folder / "lock").write_text(json.dumps(told))
    assert Owner.read(folder).id == "0" * 32
    assert await discover.find(folder) is None
