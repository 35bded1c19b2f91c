"""The list of what costs: it has every request that a run may make, and no other is answered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import luajobs_kit.guest.api as guest_api
from luajobs_kit.engine.requests.costs import COSTS, Cost
from luajobs_kit.engine.requests.requests import RunRequests
from luajobs_kit.errors import InvalidInput, LuaJobsError, NotAllowed


@pytest.fixture
async def asked(engine, spec):
    """Ask as a run does."""
    job = await engine.create_job(spec())
    run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    requests = RunRequests(engine._core.requests, run, job.active_version)
    return requests.serve


async def test_every_verb_of_the_platform_is_in_the_list(engine):
    assert engine._core.platform.verbs <= COSTS.keys()


def test_every_request_that_the_guest_s_side_makes_is_in_the_list():
    text = "".join(file.read_text() for file in Path(guest_api.__file__).parent.glob("*.py"))
    made = set(re.findall(r'(?:call|ask)\(\s*"([a-z]+\.[a-z_]+)"', text))
    assert len(made) > 15
    assert made <= COSTS.keys()


@pytest.mark.parametrize(
    "verb", ["data.erase", "job.explode", "user.ensure", "http._aclose", "x.y"]
)
async def test_what_is_not_in_the_list_is_not_answered(asked, verb):
    with pytest.raises(InvalidInput, match="There is no request"):
        await asked(verb, {})


@pytest.mark.parametrize("verb", COSTS)
async def test_what_is_in_the_list_is_a_request_or_refused_in_words(asked, verb):
    if COSTS[verb] is Cost.OWNERS:
        given = {"user.add": {"id": "user_x"}}.get(verb, {})
        with pytest.raises(NotAllowed, match="Job code may not"):
            await asked(verb, given)
        return
    try:
        await asked(verb, {})
    except LuaJobsError as error:
        told = error.message
        if verb not in {"clock.sleep", "job.progress"}:  # others answer these
            assert "no request" not in told.replace("There is no request schedule", "")
