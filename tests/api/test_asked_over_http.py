"""Tool calls for a user, and merging updates, with the engine in another process."""

from __future__ import annotations

import pytest

from luajobs_kit import Data, Jobs, User, Workspace, every, lua_tool
from luajobs_kit.client import discover, find_workspace


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A workspace whose engine is started by the first client and ended afterwards."""
    folder = find_workspace.find(tmp_path_factory.mktemp("project"))
    yield folder
    discover.stop(folder)


async def look(job):
    user = await User.get("user_bob")
    return user.data["plan"]


@lua_tool
async def look_later(name: str) -> str:
    """Have a job look at another user."""
    return (await Jobs.create(name=name, schedule=every(hours=1), execute=look)).id


async def test_a_job_of_a_tool_call_reaches_no_other_user_in_another_process_either(folder):
    async with Workspace(folder) as ws:
        await ws.users.add("user_bob", data={"plan": "pro"})
        for user in ("user_alice", None):
            job = await Jobs.get_job(await look_later.call({"name": "looks"}, user=user))
            execution = await (await job.trigger()).wait(timeout=30)
            assert "users_reach" in execution.error.message
        own = await Jobs.create(name="looks for its owner", schedule=every(hours=1), execute=look)
        assert (await (await own.trigger()).wait(timeout=30)).result == "pro"


async def test_updating_an_entry_in_another_process_keeps_its_other_fields(folder):
    async with Workspace(folder):
        entry = await Data.create("lamps", {"title": "Lamp", "status": "open"}, "lamp")
        changed = await Data.update("lamps", entry.id, {"status": "closed"})
        assert changed.data == {"title": "Lamp", "status": "closed"}
        assert changed.search_text == "lamp"
