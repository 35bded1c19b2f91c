"""The monitor's state without a screen: the jobs its table has."""

from __future__ import annotations

import pytest

from luajobs_kit.model import JobUpdated
from luajobs_tui.monitor_state import WINDOW, MonitorState


@pytest.fixture
async def two(engine, tui):
    """Two jobs, and a state that knows them."""
    jobs = [await tui.make(engine, name) for name in ("first", "second")]
    state = MonitorState()
    state.refresh(await engine.status(), jobs)
    return state, *jobs


def names(state):
    return [job.name for job in state.visible()]


async def test_the_filter_shows_the_jobs_that_a_query_means(two):
    state, first, second = two
    state.jobs[first.id] = first.evolve(user_id="user_amy")
    state.jobs[second.id] = second.evolve(status="paused", user_id="user_ben")
    for words, found in {
        "second": ["second"],
        "user:BEN": ["second"],
        "user:amy status:active": ["first"],
        "schedule:interval": ["first", "second"],
        "nothing": [],
    }.items():
        state.narrow(words)
        assert names(state) == found, words


async def test_a_job_enters_and_leaves_the_filtered_table_as_it_changes(two):
    state, first, _ = two
    state.narrow("status:paused")
    assert names(state) == []
    state.apply(JobUpdated(at=first.updated_at, job=first.evolve(status="paused")))
    assert names(state) == ["first"]


async def test_beyond_a_thousand_jobs_a_window_is_shown(two):
    state, first, _ = two
    jobs = [first.evolve(id=f"job_{n}", name=f"name-{n}") for n in range(WINDOW + 200)]
    state.refresh(state.engine, jobs)
    assert len(state.visible()) == WINDOW
    assert state.passing() == WINDOW + 200
    state.narrow("name-11")
    assert "name-1100" in names(state)
