"""Data and Products as Lua has them."""

from __future__ import annotations

import pytest

from luajobs_kit import Data, InvalidInput, NotAllowed, NotFound, Products


async def test_an_entry_answers_its_data_directly(ws):
    entry = await Data.create("notes", {"title": "Milk", "done": False}, "milk shopping")
    assert (entry.title, entry["title"], entry.data["title"]) == ("Milk",) * 3
    assert entry.get("missing", "-") == "-"
    assert "title" in entry
    assert entry.search_text == "milk shopping"
    with pytest.raises(AttributeError, match="kept: title, done"):
        _ = entry.price
    with pytest.raises(NotAllowed):
        entry.id = "other"


async def test_entries_are_paged_filtered_changed_and_deleted(ws):
    for number in range(12):
        await Data.create("orders", {"number": number, "status": "open" if number % 2 else "done"})
    page = await Data.get("orders", {"status": "open"}, limit=4)
    assert (len(page), page.pagination.total_count, page.pagination.next_page) == (4, 6, 2)
    assert page.data[0].status == "open"
    assert "of 6 entries" in repr(page)
    assert "page 1 of 2" in page._repr_html_()
    assert len(await Data.get("orders", {"number": {"$gte": 10}})) == 2

    entry = page[0]
    changed = await Data.update("orders", entry.id, {**entry.data, "status": "sent"})
    assert (changed.status, changed.number) == ("sent", 1)
    assert (await Data.patch("orders", entry.id, {"note": "x"})).data["status"] == "sent"
    await entry.update({"status": "back"})
    entry.note = "y"
    await entry.save()
    assert (await Data.get_entry("orders", entry.id)).note == "y"
    await entry.delete()
    with pytest.raises(NotFound):
        await Data.get_entry("orders", entry.id)
    with pytest.raises(NotFound):
        await Data.delete("orders", entry.id)
    assert await Data.collections() == ["orders"]


async def test_a_ticket_is_found_by_its_id_at_the_default_threshold(ws):
    await Data.create("tickets", {"ticket": "T-1001", "status": "open"})
    await Data.create("tickets", {"ticket": "T-1002", "status": "open"})
    found = await Data.search("tickets", "T-1001", 1)
    assert [entry.ticket for entry in found] == ["T-1001"]
    assert 0.6 <= found[0].score <= 1
    assert await Data.search("tickets", "nothing like it") == []


async def test_products_are_a_page_that_is_iterated_like_a_list(ws):
    lamp = await Products.create({"name": "Lamp", "price": 30})
    await Products.create({"name": "Chair", "price": 70})
    page = await Products.get(1, 100)
    assert sum(product.price for product in page) == 100
    assert (len(page), page.pagination.total_count) == (2, 2)
    assert (await Products.update(lamp.id, {"price": 35}))["price"] == 35
    assert (await Products.get_by_id(lamp.id)).name == "Lamp"
    assert [one.name for one in await Products.search("lamp")] == ["Lamp"]
    await lamp.update({"stock": 2})
    lamp.price = 40
    await lamp.save()
    assert (await Products.get(filter={"price": {"$gt": 50}}))[0].name == "Chair"
    await lamp.delete()
    with pytest.raises(NotFound):
        await Products.get_by_id(lamp.id)


async def test_what_is_not_json_is_refused_with_its_path(ws):
    with pytest.raises(InvalidInput, match=r"data\['at'\]"):
        await Data.create("notes", {"at": object()})
    with pytest.raises(InvalidInput, match=r"product\['tags'\].*sorted"):
        await Products.create({"tags": {"a"}})
    with pytest.raises(InvalidInput, match="collection"):
        await Data.create("", {})


async def test_updating_an_entry_changes_the_fields_it_names_and_keeps_the_others(ws):
    entry = await Data.create("tickets", {"title": "Lamp", "status": "open"}, "broken lamp")
    spread = await Data.update("tickets", entry.id, {**entry.data, "followup_sent": True})
    alone = await Data.update("tickets", entry.id, {"status": "closed"})
    assert spread.data == {"title": "Lamp", "status": "open", "followup_sent": True}
    assert alone.data == {"title": "Lamp", "status": "closed", "followup_sent": True}
    assert alone.search_text == "broken lamp"
    again = await Data.update("tickets", entry.id, {"status": "open"}, "mended lamp")
    assert again.search_text == "mended lamp"


async def test_updating_an_entry_that_was_read_long_ago_keeps_what_others_changed(ws):
    entry = await Data.create("tickets", {"title": "Lamp", "status": "open"}, "lamp")
    await Data.update("tickets", entry.id, {"status": "closed"}, "closed lamp")
    await entry.update({"note": "x"})
    assert entry.data == {"title": "Lamp", "status": "closed", "note": "x"}
    assert entry.search_text == "closed lamp"


async def test_saving_replaces_the_whole_entry_or_product(ws):
    entry = await Data.create("tickets", {"title": "Lamp", "status": "open"}, "lamp")
    del entry.data["status"]
    await entry.save()
    assert (await Data.get_entry("tickets", entry.id)).data == {"title": "Lamp"}
    assert entry.search_text == "lamp"
    product = await Products.create({"name": "Lamp", "old_price": 3})
    del product.data["old_price"]
    await product.save()
    assert (await Products.get_by_id(product.id)).data == {"name": "Lamp", "id": product.id}
