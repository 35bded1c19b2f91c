"""Entries: what one question may cost, for job code asks them and may mean harm."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from luajobs_kit.clock import VirtualClock
from luajobs_kit.errors import InvalidInput, StorageFull
from luajobs_kit.ids import Ids
from luajobs_kit.store.entries import entries as entries_module
from luajobs_kit.store.entries import filters
from luajobs_kit.store.entries.entries import LONGEST_QUERY, Entries


@pytest.fixture
async def entries():
    clock = VirtualClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    opened = await Entries.open(None, clock=clock, ids=Ids(clock))
    yield opened
    await opened.aclose()


async def test_a_filter_that_compares_long_lists_is_given_up(entries, monkeypatch):
    monkeypatch.setattr(filters, "MOST_STEPS", 10_000)
    for _ in range(10):
        await entries.create("long", {"v": list(range(2_000))})
    with pytest.raises(InvalidInput, match="more than 10,000 comparisons and was given up"):
        await entries.page("long", filter={"v": list(range(2_000, 0, -1))})


async def test_ten_thousand_ids_are_looked_up_at_the_cost_of_one(entries, monkeypatch):
    for n in range(20):
        await entries.create("t", {"n": n})
    monkeypatch.setattr(filters, "MOST_STEPS", 12_000)
    found = await entries.page("t", filter={"n": {"$in": list(range(5, 10_000))}}, limit=100)
    assert [entry.data["n"] for entry in found.data] == list(range(5, 20))


async def test_a_search_through_more_text_than_can_be_compared_is_given_up(entries, monkeypatch):
    for _ in range(20):
        await entries.create("t", {"text": "T-1001 " + "and so on " * 100})
    monkeypatch.setattr(filters, "MOST_STEPS", 1_000)
    with pytest.raises(InvalidInput, match="was given up"):
        await entries.search("t", "T-1001")


async def test_a_search_for_a_text_of_any_length_is_refused(entries):
    with pytest.raises(InvalidInput, match=r"has at most 4,000 characters; this one has 4,001\."):
        await entries.search("t", "x" * (LONGEST_QUERY + 1))


@pytest.mark.parametrize("ask", ["page", "filter", "search"])
async def test_an_answer_that_is_too_large_says_how_many_fit(entries, monkeypatch, ask):
    monkeypatch.setattr(entries_module, "MOST_ANSWERED", 2**20)
    for n in range(10):
        await entries.create("large", {"n": n, "t": "x" * 300_000}, "word")

    async def asked(limit):
        if ask == "search":
            return await entries.search("large", "word", limit)
        chosen = {"n": {"$gte": 0}} if ask == "filter" else None
        return (await entries.page("large", filter=chosen, limit=limit)).data

    with pytest.raises(InvalidInput, match="Ask for less, page by page") as refused:
        await asked(10)
    fits = int(re.search(r"limit=(\d+)", str(refused.value))[1])
    assert len(await asked(fits)) == fits == 3


async def test_one_entry_is_answered_however_large(entries, monkeypatch):
    monkeypatch.setattr(entries_module, "MOST_ANSWERED", 10)
    await entries.create("large", {"t": "x" * 1_000})
    assert len((await entries.page("large")).data) == 1


async def test_a_full_store_takes_no_more_and_gives_all_it_has(entries):
    made = await entries.create("t", {"n": 1}, within=2**20)
    for change in (
        entries.create("t", {"n": 2}, within=10),
        entries.replace("t", made.id, {"n": 2}, within=10),
        entries.merge("t", made.id, {"n": 2}, within=10),
    ):
        with pytest.raises(StorageFull, match="raise the setting data_bytes"):
            await change
    assert [entry.data for entry in (await entries.page("t")).data] == [{"n": 1}]
    await entries.delete("t", made.id)
