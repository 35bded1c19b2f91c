"""One test body for both ports: the engine in this process, and another one over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent
from typing import Any
from uuid import uuid4

import pytest

from luajobs_kit.client import HttpPort, discover
from luajobs_kit.engine import Engine
from luajobs_kit.model import Bundle, IntervalSchedule, JobSpec
from luajobs_kit.port import Port

Spec = Callable[..., JobSpec]


@pytest.fixture(scope="session")
def engine_process(tmp_path_factory) -> Iterator[Path]:
    """The workspace of an engine process; starting one takes a second, so tests share it."""
    folder = tmp_path_factory.mktemp("shared") / ".luajobs"
    folder.mkdir(mode=0o700)
    with ThreadPoolExecutor(1) as thread:  # a test's own loop is running already
        thread.submit(asyncio.run, discover.find_or_start(folder)).result()
    yield folder
    discover.stop(folder)


@pytest.fixture(params=["in_process", "over_http"])
async def port(request, tmp_path, fresh) -> AsyncIterator[Port]:
    """A port to a real engine whose agent has no job yet, and whose acting user is new."""
    if request.param == "in_process":
        async with await Engine.open(tmp_path / ".luajobs") as engine:
            yield engine
        return
    folder = request.getfixturevalue("engine_process")
    async with await HttpPort.connect(folder) as port:
        for job in await port.list_jobs(include_dynamic=True, include_deleted=True):
            await port.delete_job(job.id, force=True)
        await port.settings({"default_user": fresh("user")})
        yield port


@pytest.fixture
def fresh() -> Callable[[str], str]:
    """Make a name that no other test uses."""
    return lambda prefix: f"{prefix}_{uuid4().hex[:12]}"


@pytest.fixture
def spec() -> Spec:
    """Make a spec from the body of an async function and what differs from every 3600 s."""

    def make(body: str = "return 'done'", *, name: str = "job", **given: Any) -> JobSpec:
        source = "async def execute(job):\n" + "".join(
            f"    {line}\n" for line in dedent(body).strip().splitlines()
        )
        bundle = Bundle(source=source, entry="execute", file="notebook.py")
        return JobSpec(
            **{"name": name, "schedule": IntervalSchedule(seconds=3600), "bundle": bundle, **given}
        )

    return make
