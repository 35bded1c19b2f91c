"""Definitions: found by what people know of them, changed together, shared syncs."""

import asyncio
from datetime import UTC, datetime

import pytest
from faulty_disk import FaultyDisk
from tinydb import where

from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import Bundle, IntervalSchedule, JobRecord, JobVersion, Profile, UserRecord
from luajobs_kit.store import Definitions, Put, Remove, Set

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def job(name, *, id_=None, **fields):
    return JobRecord(id=id_ or f"job_{name}", name=name, created_at=NOW, updated_at=NOW, **fields)


def version(number, *, job_id="job_a", **fields):
    return JobVersion(
        id=f"ver_{job_id}_{number}",
        job_id=job_id,
        name="a",
        version=f"1.0.{number}",
        schedule=IntervalSchedule(seconds=60),
        bundle=Bundle(source="async def run(job): pass", entry="run"),
        created_at=NOW,
        updated_at=NOW,
        **fields,
    )


def user(id_, *, emails=(), phones=()):
    profile = Profile(user_id=id_, email_addresses=list(emails), mobile_numbers=list(phones))
    return UserRecord(id=id_, profile=profile, created_at=NOW, updated_at=NOW)


@pytest.fixture(params=["memory", "disk", "reopened"])
async def definitions(request, tmp_path):
    """Every test body on every kind; ``reopened`` is read back before each look."""
    folder = None if request.param == "memory" else tmp_path
    opened = [Definitions(folder)]

    async def look():
        if request.param == "reopened":
            await opened[0].aclose()
            opened[0] = Definitions(folder)
        return opened[0]

    yield look
    await opened[0].aclose()


async def test_a_job_is_found_by_id_and_by_agent_user_and_name(definitions):
    ann, bob, lua = (
        job("a", id_="job_1", user_id="user_ann", metadata={"deep": [{"none": None}]}),
        job("a", id_="job_2", user_id="user_bob"),
        job("a", id_="job_3", dynamic=False),
    )
    await (await definitions()).commit(Put(ann), Put(bob), Put(lua))
    found = await definitions()
    assert found.job("job_1") == ann
    assert found.job_named("agent_local", "user_bob", "a") == bob
    assert found.job_named("agent_local", None, "a") == lua
    assert found.job_named("agent_other", None, "a") is None
    assert found.jobs_with_name("agent_local", "a") == found.jobs() == [ann, bob, lua]
    assert found.job("job_9") is None
    assert found.jobs_with_name("agent_local", "b") == []


async def test_a_changed_job_is_found_by_what_it_is_now(definitions):
    await (await definitions()).commit(Put(job("a", id_="job_1")))
    await (await definitions()).commit(Put(job("b", id_="job_1", deleted=True)))
    found = await definitions()
    assert found.job_named("agent_local", None, "a") is None
    assert found.job_named("agent_local", None, "b").deleted
    await found.commit(Remove(job("b", id_="job_1")))
    found = await definitions()
    assert (found.job("job_1"), found.jobs()) == (None, [])
    assert found.jobs_with_name("agent_local", "b") == []


async def test_versions_come_oldest_first_and_by_idempotency_key(definitions):
    await (await definitions()).commit(*(Put(version(n)) for n in range(12)))
    await (await definitions()).commit(Put(version(3, key="request-1", active=True)))
    await (await definitions()).commit(Put(version(0, job_id="job_b")))
    found = await definitions()
    assert [each.version for each in found.versions("job_a")] == [f"1.0.{n}" for n in range(12)]
    assert found.version_with_key("request-1") == found.version("ver_job_a_3")
    assert found.version_with_key("request-2") is None
    assert found.versions("job_c") == []


async def test_a_user_is_found_by_email_and_phone_however_they_are_written(definitions):
    ann = user("user_ann", emails=["Ann@Example.org"], phones=["+49 (170) 123-45"])
    await (await definitions()).commit(Put(ann), Put(user("user_bob")))
    found = await definitions()
    assert found.user_with_email(" ann@example.ORG") == ann
    assert found.user_with_phone("49170 12345") == ann
    assert found.user_with_email("bob@example.org") is None
    assert [each.id for each in found.users()] == ["user_ann", "user_bob"]


async def test_settings_take_any_json_and_none_forgets_one(definitions):
    await (await definitions()).commit(Set("a", {"x": [1, None]}), Set("b", False))
    found = await definitions()
    assert found.settings() == {"a": {"x": [1, None]}, "b": False}
    found.settings()["a"]["x"].append("changes nothing kept")
    assert found.settings()["a"] == {"x": [1, None]}
    await found.commit(Set("a", None), Set("c", None))
    found = await definitions()
    assert found.settings() == {"b": False}


async def test_what_is_no_json_is_refused_and_nothing_of_the_commit_is_kept(definitions):
    found = await definitions()
    with pytest.raises(InvalidInput, match="setting 'b'"):
        await found.commit(Set("a", 1), Set("b", object()))
    with pytest.raises(InvalidInput, match="JobRecord"):
        await found.commit(Put(job("a", metadata={"x": object()})))
    await found.commit(Set("a", 2))
    found = await definitions()
    assert (found.settings(), found.jobs()) == ({"a": 2}, [])


async def test_commits_take_effect_in_the_order_of_their_calls(definitions):
    found = await definitions()
    await asyncio.gather(
        *(found.commit(Put(job("a", metadata={"n": n})), Set("n", n)) for n in range(20)),
        found.commit(Remove(job("a"))),
        found.commit(Put(job("a", metadata={"n": "last"}))),
    )
    found = await definitions()
    assert [each.metadata for each in found.jobs()] == [{"n": "last"}]
    assert found.settings()["n"] == 19


async def test_tinydbs_own_verbs_and_the_indexes_know_of_each_other(definitions):
    found = await definitions()
    await found.commit(Put(job("a")), Put(job("b")))
    table = found.tinydb.table("jobs")
    assert [row["id"] for row in table.search(where("name") == "b")] == ["job_b"]
    table.update({"name": "c"}, where("name") == "b")
    assert found.job_named("agent_local", None, "c").id == "job_b"
    table.remove(where("name") == "a")
    await found.commit(Put(job("d")))
    found = await definitions()
    assert [each.name for each in found.jobs()] == ["c", "d"]
    found.tinydb.drop_tables()
    assert (found.jobs(), found.job("job_d")) == ([], None)
    await found.commit(Put(job("e")))
    assert [each.name for each in (await definitions()).jobs()] == ["e"]


async def test_a_strange_document_put_in_through_tinydb_stops_no_start(tmp_path):
    definitions = Definitions(tmp_path)
    definitions.tinydb.table("jobs").insert({"name": ["a"], "agentId": {}, "id": None})
    definitions.tinydb.table("users").insert({"profile": 3})
    definitions.tinydb.table("settings").insert({})
    await definitions.aclose()
    again = Definitions(tmp_path)
    assert again.settings() == {}
    assert again.findings == []
    await again.aclose()


async def test_readers_see_a_commit_when_it_is_on_disk_and_not_before(tmp_path):
    disk = FaultyDisk()
    definitions = Definitions(tmp_path, disk=disk)
    seen = []
    disk.plan = lambda number, name: seen.append(definitions.settings()) if name == "sync" else None
    await definitions.commit(Set("a", 1), Set("b", 1))
    assert seen == [{}]
    assert definitions.settings() == {"a": 1, "b": 1}
    await definitions.aclose()


async def test_64_concurrent_writers_share_at_most_four_syncs(tmp_path):
    disk = FaultyDisk()
    definitions = Definitions(tmp_path, disk=disk)
    await asyncio.gather(*(definitions.commit(Set(f"s{n}", n)) for n in range(64)))
    assert disk.operations.count("sync") <= 4
    assert len(definitions.settings()) == 64
    await definitions.aclose()


async def test_a_cancelled_caller_does_not_take_its_commit_back(tmp_path):
    definitions = Definitions(tmp_path)
    task = asyncio.create_task(definitions.commit(Set("a", 1)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await definitions.commit(Set("b", 2))
    assert definitions.settings() == {"a": 1, "b": 2}
    await definitions.aclose()


async def test_a_compaction_goes_on_beside_writers_and_leaves_one_short_journal(tmp_path):
    definitions = Definitions(tmp_path)
    storage = definitions.tinydb.storage
    for turn in range(5):
        compaction = asyncio.create_task(asyncio.to_thread(storage.compact))
        await asyncio.gather(
            *(definitions.commit(Set(f"s{n}", turn), Set(f"t{n}", turn)) for n in range(30))
        )
        await compaction
    expected = definitions.settings()
    assert set(expected.values()) == {4}
    await definitions.aclose()
    assert not list(tmp_path.glob("*.old"))
    again = Definitions(tmp_path)
    assert (again.settings(), again.findings) == (expected, [])
    await again.aclose()


async def test_the_journal_is_compacted_by_itself_when_it_has_grown(tmp_path):
    definitions = Definitions(tmp_path, fsync=False)
    for n in range(40):
        await definitions.commit(Set("big", f"{n}" * 50_000))
    await definitions.aclose()
    assert (tmp_path / "definitions.json").stat().st_size < 200_000
    assert (tmp_path / "definitions.journal").stat().st_size < 2_000_000
