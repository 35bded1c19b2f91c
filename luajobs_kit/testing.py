"""A pytest plugin for tests of your own jobs: time that moves when told to, and a workspace in it.

pytest finds it by itself. ``luajobs_workspace`` is a workspace in memory whose engine runs
inside the test, ``luajobs_clock`` its clock: ``await luajobs_clock.advance(hours=3)`` fires
what falls due, in order, and returns when it has run. See docs/testing.md.

Nothing of the kit is imported until a test asks for one of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from luajobs_kit.api.workspace import Workspace
    from luajobs_kit.clock import VirtualClock


@pytest.fixture
def luajobs_start() -> datetime:
    """Return when the test begins, by its own clock. Override it to begin at another time."""
    return datetime(2030, 1, 7, 8, 0, tzinfo=UTC)  # a Monday


@pytest.fixture
def luajobs_clock(luajobs_start: datetime) -> VirtualClock:
    """Return the clock of the test's workspace, which begins at ``luajobs_start``."""
    from luajobs_kit.clock import VirtualClock  # noqa: PLC0415 - only a test that asks for it pays

    return VirtualClock(luajobs_start)


async def _workspace(luajobs_clock: VirtualClock) -> AsyncIterator[Workspace]:
    """Give a workspace in memory, on the test's clock; it is the current one."""
    from luajobs_kit.api.workspace import Workspace  # noqa: PLC0415 - only a test that asks for it pays

    async with Workspace.in_process(clock=luajobs_clock) as workspace:
        yield workspace


def _fail_without_asyncio_plugin() -> None:
    pytest.fail("luajobs_workspace needs async tests: pip install pytest-asyncio", pytrace=False)


luajobs_workspace: Any
try:  # pytest's own fixtures are not async, and which mode pytest-asyncio runs in is not ours to say
    from pytest_asyncio import fixture as _async_fixture
except ImportError:
    luajobs_workspace = pytest.fixture(name="luajobs_workspace")(_fail_without_asyncio_plugin)
else:
    luajobs_workspace = _async_fixture(name="luajobs_workspace")(_workspace)
