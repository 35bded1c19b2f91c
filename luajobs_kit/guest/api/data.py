"""``Data`` and ``Products``, over calls to the engine."""

from __future__ import annotations

from typing import Any

from luajobs_kit.field_changes import read_changes, search_text_of
from luajobs_kit.guest.api.json_objects import to_object
from luajobs_kit.guest.api.records import (
    Entry,
    Page,
    Product,
    as_product,
    entry,
    entry_deleted,
    entry_page,
    entry_saved,
    patch_entry,
    product_deleted,
    product_page,
    product_saved,
)
from luajobs_kit.guest.api.spoken import spoken_as
from luajobs_kit.guest.guards.sealed import HostMade
from luajobs_kit.guest.runtime.run import current


def _given(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


@spoken_as("Data")
class Data(HostMade):
    """Collections of entries, kept by the workspace."""

    __slots__ = ()

    @staticmethod
    async def collections() -> list[str]:
        return await current().call("data.collections")  # type: ignore[no-any-return]

    @staticmethod
    async def create(
        collection: str,
        data: dict[str, Any],
        search_text: str | dict[str, Any] | None = None,
    ) -> Entry:
        """Keep a new entry; ``search_text`` is what ``search`` looks at.

        As in Lua it may be an object of options: ``{"searchText": …, "index": …}``.
        """
        text = search_text_of(search_text)
        plain = to_object(data, "data")
        arguments = _given(collection=collection, data=plain, searchText=text)
        return entry(await current().call("data.create", arguments))

    @staticmethod
    async def get(
        collection: str,
        filter: dict[str, Any] | None = None,
        page: int = 1,
        limit: int = 10,
    ) -> Page:
        """Return a page of entries that match the filter (``{"price": {"$lt": 10}}``)."""
        criteria = None if filter is None else to_object(filter, "filter")
        arguments = _given(collection=collection, filter=criteria, page=page, limit=limit)
        return entry_page(await current().call("data.get", arguments))

    @staticmethod
    async def get_entry(collection: str, entry_id: str) -> Entry:
        """Return one entry. Raises ``NotFound``."""
        return entry(
            await current().call("data.get_entry", {"collection": collection, "id": entry_id})
        )

    @staticmethod
    async def update(
        collection: str, entry_id: str, data: dict[str, Any], search_text: str | None = None
    ) -> Entry:
        """Merge ``data`` into an entry's; ``entry.save()`` replaces all. Raises ``NotFound``."""
        plain = to_object(data, "data")
        arguments = _given(collection=collection, id=entry_id, data=plain, searchText=search_text)
        answer = await current().call("data.update", arguments)
        entry_saved(answer, data)
        return entry(answer)

    @staticmethod
    async def patch(
        collection: str,
        entry_id: str,
        data: dict[str, Any] | None = None,
        *,
        set: dict[str, Any] | None = None,
        unset: Any = (),
    ) -> Entry:
        """Merge fields into an entry's, and remove those named by ``unset``. Raises ``NotFound``.

        The fields are given as ``data`` or ``set=``, or both as Lua's ``{"set": …, "unset": […]}``.
        """
        changes = read_changes(data, set, unset)
        answer = await patch_entry(collection, entry_id, changes)
        entry_saved(answer, {**changes.set, **dict.fromkeys(changes.unset)})
        return entry(answer)

    @staticmethod
    async def delete(collection: str, entry_id: str) -> None:
        """Remove an entry. Raises ``NotFound``."""
        await current().call("data.delete", {"collection": collection, "id": entry_id})
        entry_deleted(collection, entry_id)

    @staticmethod
    async def search(
        collection: str, search_text: str, limit: int = 10, score_threshold: float = 0.6
    ) -> list[Entry]:
        """Return the entries nearest to the text, best first, each with its ``score``."""
        arguments = {
            "collection": collection,
            "searchText": search_text,
            "limit": limit,
            "scoreThreshold": score_threshold,
        }
        return [entry(each) for each in await current().call("data.search", arguments)]


@spoken_as("Products")
class Products(HostMade):
    """The workspace's catalogue of products."""

    __slots__ = ()

    @staticmethod
    async def get(page: int = 1, limit: int = 10, filter: dict[str, Any] | None = None) -> Page:
        """Return a page of products; it is iterated like a list."""
        criteria = None if filter is None else to_object(filter, "filter")
        arguments = _given(page=page, limit=limit, filter=criteria)
        return product_page(await current().call("products.get", arguments))

    @staticmethod
    async def get_by_id(product_id: str) -> Product:
        """Return one product. Raises ``NotFound``."""
        return as_product(await current().call("products.get_by_id", {"id": product_id}))

    @staticmethod
    async def create(product: dict[str, Any]) -> Product:
        plain = to_object(product, "product")
        return as_product(await current().call("products.create", {"product": plain}))

    @staticmethod
    async def update(product_id: str, product: dict[str, Any]) -> Product:
        """Merge into a product. Raises ``NotFound``."""
        arguments = {"id": product_id, "product": to_object(product, "product")}
        answer = await current().call("products.update", arguments)
        product_saved(answer, product)
        return as_product(answer)

    @staticmethod
    async def delete(product_id: str) -> None:
        """Remove a product. Raises ``NotFound``."""
        await current().call("products.delete", {"id": product_id})
        product_deleted(product_id)

    @staticmethod
    async def search(search_query: str, limit: int = 5) -> list[Product]:
        """Return the products nearest to the text, best first."""
        arguments = {"searchQuery": search_query, "limit": limit}
        answer = await current().call("products.search", arguments)
        found = answer["data"] if isinstance(answer, dict) else answer
        return [as_product(each) for each in found]
