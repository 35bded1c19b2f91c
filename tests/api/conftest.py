"""A workspace in this process and in memory, with time that moves when told to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from luajobs_kit import VirtualClock, Workspace

START = datetime(2030, 1, 7, 8, 0, tzinfo=UTC)  # a Monday


@pytest.fixture
def clock():
    return VirtualClock(START)


@pytest.fixture
async def ws(clock):
    async with Workspace.in_process(clock=clock) as workspace:
        yield workspace
