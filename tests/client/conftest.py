"""Workspaces whose engine is started, killed and found again."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from luajobs_kit.client import discover
from luajobs_kit.engine_address import Address
from luajobs_kit.model import Bundle, IntervalSchedule, JobSpec


@pytest.fixture
async def folder(tmp_path) -> AsyncIterator[Path]:
    """A workspace without an engine; whichever ends up serving it is killed."""
    folder = tmp_path / ".luajobs"
    folder.mkdir(mode=0o700)
    yield folder
    await asyncio.to_thread(end, folder)


def end(folder: Path) -> None:
    """Kill the folder's engine, if there is one."""
    address = Address.read(folder)
    if address is not None:
        kill(address.pid)


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    while discover._alive(pid):
        pass  # the kernel is quick; a zombie of ours is reaped by looking


@pytest.fixture
def spec() -> Callable[..., JobSpec]:
    """Make a spec from a line of code and what differs from every 3600 s."""

    def make(body: str = "return 'done'", *, name: str = "job", **given: Any) -> JobSpec:
        bundle = Bundle(source=f"async def execute(job):\n    {body}\n", entry="execute")
        return JobSpec(
            **{"name": name, "schedule": IntervalSchedule(seconds=3600), "bundle": bundle, **given}
        )

    return make
