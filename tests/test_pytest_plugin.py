"""The plugin for users' own tests: found by pytest, in either mode of pytest-asyncio, free when unused."""

import pytest

pytest_plugins = ["pytester"]

TICKING = """
from datetime import UTC, datetime, timedelta

import pytest

from luajobs_kit import Jobs, every


async def tick(job):
    await (await job.user()).send(f"{job.name} {job.execution.fire_time:%H:%M}")


@pytest.mark.asyncio
async def test_what_is_due_fires_in_order(luajobs_workspace, luajobs_clock):
    await Jobs.create(name="two", schedule=every(hours=2), execute=tick)
    await Jobs.create(name="three", schedule=every(hours=3), execute=tick)
    begin = luajobs_clock.now()
    await luajobs_clock.advance(hours=5)
    assert luajobs_clock.now() == begin + timedelta(hours=5)
    sent = [message.text for message in reversed(await luajobs_workspace.inbox())]
    assert sent == SENT


@pytest.mark.asyncio
async def test_each_test_has_a_workspace_of_its_own(luajobs_workspace):
    assert await Jobs.get_all(include_dynamic=True) == []
"""


OWN_START = """

@pytest.fixture
def luajobs_start():
    return datetime(2028, 2, 28, 23, 30, tzinfo=UTC)
"""
STARTS = {
    "the usual start": 'SENT = ["two 10:00", "three 11:00", "two 12:00"]\n' + TICKING,
    "its own start": 'SENT = ["two 01:30", "three 02:30", "two 03:30"]\n' + TICKING + OWN_START,
}


@pytest.mark.parametrize(
    ("mode", "start"),
    [
        ("strict", "the usual start"),
        ("auto", "its own start"),
        pytest.param("strict", "its own start", marks=pytest.mark.soak),
        pytest.param("auto", "the usual start", marks=pytest.mark.soak),
    ],
)
def test_time_moves_when_told_to_in_either_mode_and_from_any_start(pytester, mode, start):
    pytester.makepyfile(STARTS[start])
    found = pytester.runpytest_subprocess("-p", "no:xdist", "-o", f"asyncio_mode={mode}")
    found.assert_outcomes(passed=2)


def test_a_run_that_does_not_use_it_imports_nothing_of_the_kit(pytester):
    pytester.makepyfile(
        """
        import sys

        def test_nothing_else_is_imported():
            ours = {name for name in sys.modules if name.startswith(("luajobs_kit", "pydantic"))}
            assert ours == {f"luajobs_kit{each}" for each in ("", "._version", ".testing")}
        """
    )
    pytester.runpytest_subprocess("-p", "no:xdist").assert_outcomes(passed=1)


def test_without_pytest_asyncio_it_says_what_is_missing(pytester, monkeypatch):
    # As if it were not installed: a module that cannot be imported stands in its place.
    pytester.makepyfile(pytest_asyncio="raise ImportError")
    pytester.makepyfile("def test_it(luajobs_workspace):\n    pass\n")
    pytester.syspathinsert()
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    found = pytester.runpytest_subprocess("-p", "luajobs_kit.testing")
    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines(["*pip install pytest-asyncio*"])
