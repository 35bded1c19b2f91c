"""An engine process and a client that speaks plain HTTP to it, as anybody's program could."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from luajobs_kit.client import HttpPort, discover
from luajobs_kit.engine_address import Address


@pytest.fixture(scope="session")
def engine_process(tmp_path_factory) -> Iterator[Path]:
    """The workspace of an engine process; starting one takes a second, so tests share it."""
    folder = tmp_path_factory.mktemp("shared") / ".luajobs"
    folder.mkdir(mode=0o700)
    with ThreadPoolExecutor(1) as thread:  # a test's own loop is running already
        thread.submit(asyncio.run, discover.find_or_start(folder)).result()
    yield folder
    discover.stop(folder)


@pytest.fixture
def address(engine_process) -> Address:
    found = Address.read(engine_process)
    assert found is not None
    return found


@pytest.fixture
async def http(address) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP with the token, and nothing else of the kit's own client."""
    async with httpx.AsyncClient(
        base_url=address.url,
        headers={"Authorization": f"Bearer {address.token}"},
        trust_env=False,
        timeout=20,
    ) as client:
        yield client


@pytest.fixture
async def port(engine_process) -> AsyncIterator[HttpPort]:
    async with await HttpPort.connect(engine_process) as port:
        yield port


@pytest.fixture
async def agent(port, fresh) -> str:
    """An agent of this test's own, without jobs."""
    for job in await port.list_jobs(include_dynamic=True, include_deleted=True):
        await port.delete_job(job.id, force=True)  # another agent would take them along
    name = fresh("agent")
    await port.settings({"agent_id": name, "default_user": fresh("user")})
    return name


@pytest.fixture
def fresh() -> Callable[[str], str]:
    """Make a name that no other test uses."""
    return lambda prefix: f"{prefix}_{uuid4().hex[:12]}"


@pytest.fixture
def raw(address) -> Callable[..., Any]:
    """Send bytes to the engine and return the status and the body it answers with."""

    async def exchange(request: bytes, *, seconds: float = 10) -> tuple[int, Any]:
        host, _, port = address.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(request)
            await writer.drain()
            async with asyncio.timeout(seconds):
                answer = await reader.read()
        finally:
            writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split()[1]) if head else 0
        try:
            return status, json.loads(body)
        except ValueError:
            return status, body

    return exchange
