"""A real engine in memory, on a clock that moves when told to."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from textwrap import dedent
from typing import Any

import pytest

from luajobs_kit.clock import VirtualClock
from luajobs_kit.engine import Engine
from luajobs_kit.model import Bundle, IntervalSchedule, JobSpec
from luajobs_kit.sandbox.values import Wall
from luajobs_kit.sandbox.walls.walls import WALLS

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday

Spec = Callable[..., JobSpec]


@pytest.fixture(autouse=True)
def _walls_that_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ``doctor`` find every wall holding: ``tests/sandbox/`` and ``tests/port/`` try them."""

    async def report() -> list[Wall]:
        return [Wall(name, holds=True, stops="") for name in WALLS]

    monkeypatch.setattr("luajobs_kit.sandbox.doctor.report", report)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
async def engine(clock: VirtualClock) -> AsyncIterator[Engine]:
    async with await Engine.open(None, clock=clock) as engine:
        yield engine


@pytest.fixture
def spec() -> Spec:
    """Make a spec from the body of an async function and what differs from every 60 s."""

    def make(body: str = "return 'done'", *, name: str = "job", **given: Any) -> JobSpec:
        source = "async def execute(job):\n" + "".join(
            f"    {line}\n" for line in dedent(body).strip().splitlines()
        )
        bundle = Bundle(source=source, entry="execute", file="notebook.py")
        return JobSpec(
            **{"name": name, "schedule": IntervalSchedule(seconds=60), "bundle": bundle, **given}
        )

    return make


@pytest.fixture
def folder(tmp_path):
    """The folder of a workspace, not made yet."""
    return tmp_path / ".luajobs"
