"""An export is there, all or nothing, after it was imported into another workspace."""

import json
from datetime import timedelta

import pytest
from sample_records import JOB, NOW, USER, VERSION

from luajobs_kit.clock import SystemClock
from luajobs_kit.errors import Conflict, InvalidInput
from luajobs_kit.ids import Ids
from luajobs_kit.store import FireState, Put, Set, Store
from luajobs_kit.store.transfer.json_export import export_store, import_store


async def store():
    return await Store.open(None, clock=SystemClock(), ids=Ids())


@pytest.fixture
async def exported():
    async with await store() as source:
        await source.definitions.commit(
            Put(JOB), Put(VERSION), Put(USER), Set("a", {"b": None}), Set("c", False)
        )
        await source.history.set_fire(FireState(job_id="job_1", armed_at=NOW, last_fire=NOW))
        return json.loads(json.dumps(await export_store(source)))


async def test_everything_exported_is_there_after_the_import_watermarks_too(exported):
    async with await store() as target:
        assert await import_store(target, exported) == {
            "jobs": 1,
            "versions": 1,
            "users": 1,
            "settings": 2,
            "entries": 0,
        }
        found = target.definitions
        assert (found.jobs(), found.versions("job_1"), found.users()) == ([JOB], [VERSION], [USER])
        assert found.settings() == {"a": {"b": None}, "c": False}
        assert (await target.history.fire("job_1")).last_fire == NOW
        assert await export_store(target) == exported
        await import_store(target, exported)
        assert await export_store(target) == exported


async def test_tools_are_read_from_an_export_that_names_them_by_the_word_before(exported):
    [version] = exported["versions"]
    version["powers"] = ["tools.weather"]
    async with await store() as target:
        await import_store(target, exported)
        [found] = target.definitions.versions("job_1")
        assert found.tools == ["weather"]
        assert "powers" not in (await export_store(target))["versions"][0]


async def test_an_older_export_does_not_bring_back_fires_that_were_run_here(exported):
    async with await store() as target:
        later = NOW + timedelta(days=1)
        await target.history.set_fire(FireState(job_id="job_1", armed_at=NOW, last_fire=later))
        await import_store(target, exported)
        assert (await target.history.fire("job_1")).last_fire == later


async def test_a_job_of_the_same_name_here_is_not_overwritten_and_nothing_is_imported(exported):
    async with await store() as target:
        await target.definitions.commit(Put(JOB.evolve(id="job_2")))
        with pytest.raises(Conflict, match="job_2"):
            await import_store(target, exported)
        assert (target.definitions.users(), target.definitions.settings()) == ([], {})
        assert await target.history.fires() == {}


ENTRY = {
    "id": "entry_1",
    "collection": "c",
    "data": {},
    "createdAt": "2026-03-02T08:00:00Z",
    "updatedAt": "2026-03-02T08:00:00Z",
}


async def test_data_and_products_come_along_and_what_is_here_stays(exported):
    async with await store() as target:
        entries = [ENTRY, ENTRY | {"id": "entry_2", "data": {"a": "\ud800"}}]
        assert (await import_store(target, exported | {"entries": entries}))["entries"] == 2
        assert (await target.entries.get("c", "entry_2")).data == {"a": "?"}
        changed = [ENTRY | {"data": {"b": 1}}]
        assert (await import_store(target, exported | {"entries": changed}))["entries"] == 0
        assert (await target.entries.get("c", "entry_1")).data == {}


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"collection": "\ud800"}, "collection needs a name"),
        ({"collection": ""}, "collection needs a name"),
        ({"id": "\ud800"}, "needs an id"),
        ({"data": {"x": float("nan")}}, "must be JSON"),
        ({"data": {"x": json.loads("[" * 300 + "]" * 300)}}, "100 objects and lists"),
        ({"createdAt": "9999-12-31T23:59:59-14:00"}, "outside the years"),
        ({"id": "entry_1"}, r"entries\.0 has the id"),
    ],
)
async def test_one_bad_entry_is_named_and_nothing_is_imported(exported, bad, words):
    async with await store() as target:
        entries = [ENTRY, ENTRY | {"id": "entry_2"} | bad]
        with pytest.raises(InvalidInput, match=rf"damaged at entries\.1.*{words}.*Nothing was imp"):
            await import_store(target, exported | {"entries": entries})
        assert target.definitions.jobs() == target.definitions.users() == []
        assert await target.entries.everything() == []
        assert await target.history.fires() == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "other"}, "no export"),
        ({"version": 2}, "newer luajobs-kit"),
        ({"jobs": [{"id": 3}]}, r"damaged at jobs\.0"),
    ],
)
async def test_what_is_no_export_is_refused_and_nothing_is_imported(exported, change, words):
    async with await store() as target:
        with pytest.raises(InvalidInput, match=words):
            await import_store(target, exported | change)
        assert target.definitions.users() == []
