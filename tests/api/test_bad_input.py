"""Bad input is told clearly, before anything is stored."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import pytest_asyncio

from luajobs_kit import InvalidInput, VirtualClock, Workspace, every


async def execute(job):
    return job.metadata


GOOD = {"name": "job", "schedule": every(hours=1), "execute": execute, "metadata": {}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared():
    """One workspace for all: each of these leaves it as it was."""
    async with Workspace.in_process(clock=VirtualClock(datetime(2030, 1, 7, tzinfo=UTC))) as ws:
        yield ws


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"metadata": {"when": datetime(2030, 1, 1, tzinfo=UTC)}},
            r"metadata\['when'\].*isoformat",
        ),
        ({"metadata": {"deep": [1, {"x": {1, 2}}]}}, r"metadata\['deep'\]\[1\]\['x'\].*sorted"),
        ({"metadata": {1: "a"}}, r"key 1 of type int"),
        ({"metadata": {"x": float("nan")}}, r"metadata\['x'\] is nan"),
        ({"metadata": "text"}, "metadata must be a dict"),
        ({"name": ""}, "needs a name"),
        ({"name": "x" * 201}, "201 characters"),
        ({"timeout": 0}, "timeout=0"),
        ({"timeout": 601}, "1 to 600 seconds"),
        ({"timeout": "long"}, "Jobs.create: timeout"),
        ({"retry": {"maxAttempts": -1}}, "maxAttempts=-1"),
        ({"retry": {"attempts": 3}}, "retry has no 'attempts'"),
        ({"retry": 3}, "retry takes"),
        ({"schedule": {"type": "weekly"}}, "weekly"),
        ({"schedule": {"type": "interval", "seconds": 0}}, "seconds"),
        ({"schedule": {"type": "once", "executeAt": "2030-01-08 10:00"}}, "zone"),
        ({"schedule": {"type": "once", "executeAt": "2029-01-08T10:00:00Z"}}, "past"),
        ({"schedule": {"type": "cron", "expression": "61 * * * *"}}, "minute"),
        (
            {"schedule": {"type": "cron", "expression": "0 9 * * *", "timezone": "Europe/Pari"}},
            "Europe/Paris",
        ),
        ({"execute": None}, "execute="),
        ({"source": "async def execute(job): pass"}, "not both"),
        ({"if_exists": "replace"}, "if_exists"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_bad_input_is_told_clearly_and_stores_nothing(shared, changes, words):
    with pytest.raises(InvalidInput, match=words):
        await shared.jobs.create(**(GOOD | changes))
    assert len(await shared.jobs.get_all(include_dynamic=True)) == 0
