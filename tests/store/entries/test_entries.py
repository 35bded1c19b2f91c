"""Entries: made, read, changed, deleted, paged."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from luajobs_kit.clock import VirtualClock
from luajobs_kit.errors import Conflict, InvalidInput, NotFound
from luajobs_kit.ids import Ids
from luajobs_kit.store.entries.entries import PRODUCTS, Entries

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock():
    return VirtualClock(NOON)


def nested(depth):
    """An object with so many lists inside one another in it."""
    value = "deep"
    for _ in range(depth):
        value = [value]
    return {"value": value}


@pytest.fixture(params=["memory", "disk"])
async def entries(request, tmp_path, clock):
    path = None if request.param == "memory" else tmp_path / "history.db"
    opened = await Entries.open(path, clock=clock, ids=Ids(clock))
    yield opened
    await opened.aclose()


async def test_an_entry_comes_back_as_it_was_made(entries):
    data = {"a": [1, 2.5, None, True, {"b": "ä𠀀"}], "": {}, "big": 2**80}
    made = await entries.create("notes", data, "find me")
    assert made.data == data
    assert (made.collection, made.search_text) == ("notes", "find me")
    assert made.created_at == made.updated_at == NOON
    assert await entries.get("notes", made.id) == made


async def test_half_a_surrogate_pair_becomes_a_question_mark_as_everywhere_in_the_kit(entries):
    made = await entries.create("notes", {"a\ud800": ["\udfff"]}, "b\ud800")
    assert (made.data, made.search_text) == ({"a?": ["?"]}, "b?")
    assert made == await entries.get("notes", made.id)
    changed = await entries.merge("notes", made.id, {"c": "\ud800"}, "\ud800")
    assert (changed.data, changed.search_text) == ({"a?": ["?"], "c": "?"}, "?")
    json.dumps(changed.to_json(), ensure_ascii=False).encode()


async def test_data_as_deep_as_it_may_be_is_answered_and_kept_and_one_deeper_is_refused(entries):
    made = await entries.create("notes", nested(99), key="k")
    assert made.to_json()["data"] == nested(99)
    assert (await entries.get("notes", made.id)).data == nested(99)
    for depth in (100, 300, 100_000):
        deep = nested(depth)
        for ask in (
            entries.create("notes", deep),
            entries.replace("notes", made.id, deep),
            entries.merge("notes", made.id, deep),
        ):
            with pytest.raises(InvalidInput, match="data m"):
                await ask
    with pytest.raises(InvalidInput, match="100 objects and lists"):
        await entries.restore([made.evolve(id="entry_other"), made.evolve(data=nested(100))])
    assert [each.id for each in await entries.everything()] == [made.id]


async def test_an_entry_that_comes_twice_is_restored_once(entries):
    made = await entries.create("notes", {"n": 1})
    other = made.evolve(id="entry_other")
    assert await entries.restore([other, made, other.evolve(data={"n": 2})]) == 1
    assert (await entries.get("notes", "entry_other")).data == {"n": 1}


async def test_an_entry_belongs_to_its_collection(entries):
    made = await entries.create("notes", {})
    for ask in (
        entries.get("other", made.id),
        entries.delete("other", made.id),
        entries.replace("other", made.id, {}),
        entries.merge("other", made.id, {}),
        entries.get("notes", "entry_none"),
    ):
        with pytest.raises(NotFound, match="No entry of '"):
            await ask
    with pytest.raises(NotFound, match="No product"):
        await entries.get(PRODUCTS, "prod_none")


async def test_replacing_keeps_when_it_was_made_and_nothing_else_of_the_data(entries, clock):
    made = await entries.create("notes", {"a": 1, "b": 2}, "old words")
    await clock.advance(hours=1)
    changed = await entries.replace("notes", made.id, {"c": 3})
    assert changed == await entries.get("notes", made.id)
    assert changed.data == {"c": 3}
    assert (changed.created_at, changed.updated_at) == (NOON, clock.now())
    assert changed.search_text == "old words"
    changed = await entries.replace("notes", made.id, {"c": 3}, "new words")
    assert [each.id for each in await entries.search("notes", "new words")] == [made.id]
    assert await entries.search("notes", "old") == []


async def test_merging_sets_the_fields_given_and_no_deeper(entries):
    made = await entries.create("notes", {"a": {"x": 1}, "b": 2})
    changed = await entries.merge("notes", made.id, {"a": {"y": 2}, "c": None})
    assert changed.data == {"a": {"y": 2}, "b": 2, "c": None}


async def test_simultaneous_merges_all_count(entries):
    made = await entries.create("notes", {})
    await asyncio.gather(*(entries.merge("notes", made.id, {str(n): n}) for n in range(30)))
    assert (await entries.get("notes", made.id)).data == {str(n): n for n in range(30)}


async def test_a_deleted_entry_is_gone_from_everywhere(entries):
    made = await entries.create("notes", {"text": "needle"})
    await entries.delete("notes", made.id)
    with pytest.raises(NotFound):
        await entries.get("notes", made.id)
    assert await entries.search("notes", "needle") == []
    assert await entries.collections() == []


async def test_the_same_key_makes_one_entry_and_shows_what_became_of_it(entries, clock):
    made = await entries.create("notes", {"n": 1}, key="k")
    await entries.merge("notes", made.id, {"n": 2})
    assert (await entries.create("notes", {"n": 1}, key="k")).data == {"n": 2}
    await entries.delete("notes", made.id)
    assert await entries.create("notes", {"n": 1}, key="k") == made
    await clock.advance(hours=24)
    assert (await entries.create("notes", {"n": 1}, key="k")).id != made.id


async def test_a_key_that_made_another_entry_is_refused(entries):
    await entries.create("notes", {"n": 1}, key="k")
    for collection, data in (("notes", {"n": 2}), ("others", {"n": 1})):
        with pytest.raises(Conflict, match="used for another entry"):
            await entries.create(collection, data, key="k")
    assert (await entries.page("notes")).pagination.total_count == 1


async def test_pages_come_in_the_order_things_were_made_and_stay_so_after_changes(entries):
    made = [await entries.create("notes", {"n": n, "even": n % 2 == 0}) for n in range(5)]
    await entries.replace("notes", made[0].id, {"n": 0, "even": True})
    page = await entries.page("notes", limit=2, page=2)
    assert [each.data["n"] for each in page.data] == [2, 3]
    assert page.pagination.to_json() == {
        "currentPage": 2,
        "totalPages": 3,
        "totalCount": 5,
        "limit": 2,
        "hasNextPage": True,
        "hasPrevPage": True,
        "nextPage": 3,
        "prevPage": 1,
    }
    page = await entries.page("notes", filter={"even": True}, limit=2, page=2)
    assert [each.data["n"] for each in page.data] == [4]
    assert page.pagination.total_count == 3
    assert (await entries.page("nothing")).pagination.total_count == 0


async def test_collections_are_listed_without_the_products(entries):
    for name in ("zoo", "Ärzte", PRODUCTS, "zoo"):
        await entries.create(name, {})
    assert await entries.collections() == ["zoo", "Ärzte"]
    assert (await entries.page(PRODUCTS)).data[0].id.startswith("prod_")


@pytest.mark.parametrize(
    "data", [[], "text", None, {"a": float("nan")}, {"a": object()}, {"a": {1}}]
)
async def test_what_is_no_json_object_is_refused(entries, data):
    with pytest.raises(InvalidInput, match="data must be"):
        await entries.create("notes", data)
    assert (await entries.page("notes")).data == []


async def test_data_that_contains_itself_is_refused(entries):
    data = {}
    data["self"] = data
    with pytest.raises(InvalidInput, match="JSON"):
        await entries.create("notes", data)


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "\ud800", None])
async def test_a_collection_needs_a_name(entries, name):
    with pytest.raises(InvalidInput, match="name"):
        await entries.create(name, {})


async def test_bounds_are_checked(entries):
    with pytest.raises(InvalidInput, match="page=0"):
        await entries.page("notes", page=0)
    with pytest.raises(InvalidInput, match="limit=0"):
        await entries.page("notes", limit=0)
    for wanted in (None, {"a": 1}):
        with pytest.raises(InvalidInput, match="so many"):
            await entries.page("notes", filter=wanted, page=10**18)
        with pytest.raises(InvalidInput, match="so many"):
            await entries.page("notes", filter=wanted, limit=10**30)
    assert (await entries.page("notes", limit=2**63 - 1)).data == []
    with pytest.raises(InvalidInput, match="limit=0"):
        await entries.search("notes", "x", limit=0)
    with pytest.raises(InvalidInput, match=r"threshold=1\.5"):
        await entries.search("notes", "x", threshold=1.5)


async def test_entries_are_there_after_opening_again(tmp_path, clock):
    path = tmp_path / "history.db"
    entries = await Entries.open(path, clock=clock, ids=Ids(clock))
    made = await entries.create("notes", {"text": "needle"})
    await entries.aclose()
    entries = await Entries.open(path, clock=clock, ids=Ids(clock))
    assert [each.id for each in await entries.search("notes", "needle")] == [made.id]
    await entries.aclose()
