"""A workspace in this process and in memory, with time that moves when told to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from web_server import WebServer

from luajobs_kit import VirtualClock, Workspace

START = datetime(2030, 1, 7, 8, 0, tzinfo=UTC)  # a Monday


@pytest.fixture
def clock():
    return VirtualClock(START)


@pytest.fixture
async def ws(clock):
    async with Workspace.in_process(clock=clock) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def server():
    """A web server of this machine."""
    serving = WebServer()
    yield serving
    serving.close()


@pytest.fixture
async def allowed():
    """A workspace whose jobs may reach it."""
    async with Workspace.in_process() as ws:
        await ws.settings(http_hosts=["127.0.0.1"], http_private=True)
        yield ws
