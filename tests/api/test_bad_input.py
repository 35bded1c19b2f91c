"""Bad input is told clearly, before anything is stored."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import pytest_asyncio

from luajobs_kit import (
    InvalidInput,
    LuaAgent,
    LuaSkill,
    VirtualClock,
    Workspace,
    acting_as,
    cron,
    every,
    once,
)


async def execute(job):
    return job.metadata


GOOD = {"name": "job", "schedule": every(hours=1), "execute": execute, "metadata": {}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared():
    """One workspace for all: each of these leaves it as it was."""
    async with Workspace.in_process(clock=VirtualClock(datetime(2030, 1, 7, tzinfo=UTC))) as ws:
        yield ws


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def job(shared):
    made = await shared.jobs.create(**GOOD)
    yield made
    await made.delete(force=True)


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
        ({"name": "a\u202eb"}, r"not seen \(U\+202E RIGHT-TO-LEFT OVERRIDE\)"),
        ({"name": "job_01JF2Q8W3N6T4E5R7Y9K0M1P2S"}, "is written as an id"),
        ({"tools": ["get\u200bweather"]}, r"not seen \(U\+200B ZERO WIDTH SPACE\)"),
        ({"env": ["KEY\u200b"]}, "name of a setting"),
        ({"description": "a\ud800"}, r"description has half of a surrogate pair \(U\+D800, at 1\)"),
        ({"metadata": {"x": ["\udc80"]}}, r"metadata\['x'\]\[0\] has half of a surrogate pair"),
        ({"metadata": {"x": {"\ud800": 1}}}, r"a key of metadata\['x'\] has half"),
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


HALF = "a\ud800"


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        (lambda ws: ws.jobs.get_job(HALF), "name"),
        (lambda ws: ws.users.add("user_x", full_name=HALF), "fullName"),
        (lambda ws: ws.users.get(email=HALF), "email"),
        (lambda ws: ws.data.create(HALF, {"a": 1}), "collection"),
        (lambda ws: ws.data.create("c", {"a": [HALF]}), r"data\['a'\]\[0\]"),
        (lambda ws: ws.data.create("c", {"a": 1}, search_text=HALF), "searchText"),
        (lambda ws: ws.data.search("c", HALF), "searchText"),
        (lambda ws: ws.data.get("c", {"a": HALF}), r"filter\['a'\]"),
        (lambda ws: ws.products.search(HALF), "searchQuery"),
        (lambda ws: ws.logs(grep=HALF), "query.grep"),
        (lambda ws: ws.settings(env={"A": HALF}), r"changes\['env'\]\['A'\]"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_half_of_a_surrogate_pair_is_told_with_the_field_it_stands_in(shared, ask, field):
    with pytest.raises(InvalidInput, match=rf"^{field} has half of a surrogate pair"):
        await ask(shared)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda ws: ws.users.add("user\u200b"), "is no user's id"),
        (lambda ws: ws.users.add("user_x", full_name="A\u202eB"), "name of a user"),
        (lambda ws: ws.data.create("tickets\u200b", {"a": 1}), "name of a collection"),
        (lambda ws: ws.settings(agent_id="agent\u200b"), r"agent_id cannot be"),
        (lambda ws: ws.settings(default_user="user\u2066"), r"U\+2066"),
        (lambda ws: ws.settings(env={"KEY\u200b": "1"}), r"U\+200B"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_character_that_is_not_seen_is_refused_in_every_name(shared, ask, words):
    with pytest.raises(InvalidInput, match=words):
        await ask(shared)


@pytest.mark.parametrize("kind", [LuaAgent, lambda name: LuaSkill(name=name, tools=[])])
def test_agents_and_skills_have_names_that_are_seen(kind):
    with pytest.raises(InvalidInput, match="ZERO WIDTH SPACE"):
        kind(name="a\u200bb")


def test_who_acts_has_a_name_that_is_seen():
    for wrong in ("user\u200b", HALF):
        with pytest.raises(InvalidInput, match="takes a user's id"), acting_as(wrong):
            pass


COUNTED = {
    "job.logs": lambda ws, job, count: job.logs(limit=count),
    "job.versions": lambda ws, job, count: job.versions(limit=count),
    "jobs.get_all": lambda ws, job, count: ws.jobs.get_all(limit=count),
    "data.get": lambda ws, job, count: ws.data.get("c", limit=count),
    "data.search": lambda ws, job, count: ws.data.search("c", "x", limit=count),
    "products.get": lambda ws, job, count: ws.products.get(limit=count),
    "products.search": lambda ws, job, count: ws.products.search("x", limit=count),
    "inbox": lambda ws, job, count: ws.inbox(limit=count),
}


@pytest.mark.parametrize("of", COUNTED)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_limit_beyond_its_bound_is_told_by_its_name(shared, job, of):
    for count in (0, -1, 5_000, 2**63, 10**5_000, 2.5, None if of.startswith("data") else "many"):
        with pytest.raises(InvalidInput, match="limit"):
            await COUNTED[of](shared, job, count)


class WithoutWords:
    def __repr__(self):
        raise RuntimeError("it has none")


@pytest.mark.parametrize(
    "value", [10**5_000, {10**5_000}, WithoutWords()], ids=["int", "set", "own"]
)
@pytest.mark.parametrize(
    "field", ["name", "schedule", "timeout", "retry", "metadata", "description", "max_concurrent"]
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_value_that_cannot_be_shown_is_refused_in_the_kits_own_words(shared, field, value):
    given = {"metadata": {"n": value}} if field == "metadata" else {field: value}
    with pytest.raises(InvalidInput):
        await shared.jobs.create(**{**GOOD, "name": "unshown", **given})


@pytest.mark.parametrize(
    "read", [every, lambda n: once(minutes=n), once, cron, lambda n: cron("@daily", n)]
)
def test_a_schedule_of_a_number_beyond_all_is_refused_in_the_kits_own_words(read):
    with pytest.raises(InvalidInput):
        read(10**5_000)


@pytest.mark.parametrize("count", [0, 5_000, 2.5, "5", True])
@pytest.mark.asyncio(loop_scope="module")
async def test_more_fires_than_are_told_at_once_are_refused_by_name(job, count):
    with pytest.raises(InvalidInput, match=r"count=.* 1 to 1000"):
        await job.next_runs(count)


@pytest.mark.asyncio(loop_scope="module")
async def test_more_executions_than_one_answer_holds_are_read_page_by_page(shared, job):
    assert await job.executions(limit=5_000) == []
    with pytest.raises(InvalidInput, match="limit=0 is outside 1 to"):
        await job.executions(limit=0)
    with pytest.raises(InvalidInput, match="limit='5' is no whole number"):
        await shared.executions(limit="5")
