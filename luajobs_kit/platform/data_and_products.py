"""Data: objects kept in collections. Products: the catalogue, kept the same way."""

from __future__ import annotations

import builtins
from typing import Any

from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import Entry
from luajobs_kit.name_rules import check_name
from luajobs_kit.page_bounds import check_count
from luajobs_kit.platform.caller import Caller
from luajobs_kit.platform.settings import Settings
from luajobs_kit.platform.size_limits import check_values
from luajobs_kit.store import Entries
from luajobs_kit.store.entries.entries import PRODUCTS


class Data:
    """The ``data.*`` verbs."""

    def __init__(self, entries: Entries, settings: Settings) -> None:
        self._entries = entries
        self._settings = settings

    async def collections(self, caller: Caller) -> list[str]:
        """Return the names of the collections."""
        return await self._entries.collections()

    async def create(
        self,
        caller: Caller,
        *,
        collection: str,
        data: dict[str, Any],
        search_text: str | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Keep an object in a collection."""
        check_name(collection, "a collection", field="collection", example="tickets")
        within = _within(self._settings, caller, data)
        entry = await self._entries.create(
            _named(collection), data, search_text, key, within=within
        )
        return entry.to_json()

    async def get(
        self,
        caller: Caller,
        *,
        collection: str,
        filter: dict[str, Any] | None = None,
        page: int = 1,
        limit: int = 10,
    ) -> dict[str, Any]:
        """Return a page of the entries that match a Mongo-style filter."""
        found = await self._entries.page(
            _named(collection), filter=filter, page=page, limit=check_count(limit)
        )
        return found.to_json() | {"pagination": found.pagination.to_json(nones=caller.in_run)}

    async def get_entry(
        self,
        caller: Caller,
        *,
        collection: str,
        id: str,
    ) -> dict[str, Any]:
        """Return one entry. Raises ``NotFound``."""
        return (await self._entries.get(_named(collection), id)).to_json()

    async def update(
        self,
        caller: Caller,
        *,
        collection: str,
        id: str,
        data: dict[str, Any],
        search_text: str | None = None,
    ) -> dict[str, Any]:
        """Merge into an entry's object, shallowly. Raises ``NotFound``."""
        within = _within(self._settings, caller, data)
        merged = await self._entries.merge(_named(collection), id, data, search_text, within=within)
        return merged.to_json()

    async def replace(
        self,
        caller: Caller,
        *,
        collection: str,
        id: str,
        data: dict[str, Any],
        search_text: str | None = None,
    ) -> dict[str, Any]:
        """Keep exactly ``data`` as an entry's object. Raises ``NotFound``."""
        within = _within(self._settings, caller, data)
        replaced = await self._entries.replace(
            _named(collection), id, data, search_text, within=within
        )
        return replaced.to_json()

    async def patch(
        self,
        caller: Caller,
        *,
        collection: str,
        id: str,
        data: dict[str, Any] | None = None,
        unset: builtins.list[str] | None = None,
        search_text: str | None = None,
    ) -> dict[str, Any]:
        """Merge into an entry's object, shallowly, and remove the fields named by ``unset``.

        Raises ``NotFound``.
        """
        within = _within(self._settings, caller, data or {})
        merged = await self._entries.merge(
            _named(collection), id, data or {}, search_text, unset=unset or (), within=within
        )
        return merged.to_json()

    async def delete(
        self,
        caller: Caller,
        *,
        collection: str,
        id: str,
    ) -> None:
        """Delete an entry. Raises ``NotFound``."""
        await self._entries.delete(_named(collection), id)

    async def search(
        self,
        caller: Caller,
        *,
        collection: str,
        search_text: str,
        limit: int = 10,
        score_threshold: float = 0.6,
    ) -> list[dict[str, Any]]:
        """Return the entries whose text matches, best first, each with its score (0 to 1)."""
        found = await self._entries.search(
            _named(collection), search_text, limit=check_count(limit), threshold=score_threshold
        )
        return [entry.to_json() for entry in found]


class Products:
    """The ``products.*`` verbs."""

    def __init__(self, entries: Entries, settings: Settings) -> None:
        self._entries = entries
        self._settings = settings

    async def get(
        self,
        caller: Caller,
        *,
        page: int = 1,
        limit: int = 10,
        filter: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return a page of the catalogue."""
        found = await self._entries.page(
            PRODUCTS, filter=filter, page=page, limit=check_count(limit)
        )
        return {
            "data": [_product(entry) for entry in found.data],
            "pagination": found.pagination.to_json(nones=caller.in_run),
        }

    async def get_by_id(self, caller: Caller, *, id: str) -> dict[str, Any]:
        """Return one product. Raises ``NotFound``."""
        return _product(await self._entries.get(PRODUCTS, id))

    async def create(
        self, caller: Caller, *, product: dict[str, Any], key: str | None = None
    ) -> dict[str, Any]:
        """Add a product to the catalogue."""
        within = _within(self._settings, caller, product)
        return _product(await self._entries.create(PRODUCTS, product, None, key, within=within))

    async def update(
        self,
        caller: Caller,
        *,
        id: str,
        product: dict[str, Any],
    ) -> dict[str, Any]:
        """Merge into a product. Raises ``NotFound``."""
        changes = {name: value for name, value in product.items() if name != "id"}
        within = _within(self._settings, caller, product)
        return _product(await self._entries.merge(PRODUCTS, id, changes, within=within))

    async def replace(
        self,
        caller: Caller,
        *,
        id: str,
        product: dict[str, Any],
    ) -> dict[str, Any]:
        """Keep exactly these fields of a product, and its id. Raises ``NotFound``."""
        fields = {name: value for name, value in product.items() if name != "id"}
        within = _within(self._settings, caller, product)
        return _product(await self._entries.replace(PRODUCTS, id, fields, within=within))

    async def delete(self, caller: Caller, *, id: str) -> None:
        """Take a product from the catalogue. Raises ``NotFound``."""
        await self._entries.delete(PRODUCTS, id)

    async def search(
        self, caller: Caller, *, search_query: str, limit: int = 5
    ) -> builtins.list[dict[str, Any]]:
        """Return the products whose text matches, best first."""
        found = await self._entries.search(PRODUCTS, search_query, limit=check_count(limit))
        return [_product(entry) for entry in found]


def _product(entry: Entry) -> dict[str, Any]:
    return {**entry.data, "id": entry.id}


def _within(settings: Settings, caller: Caller, data: dict[str, Any]) -> int | None:
    """Return how many bytes history and entries may take together for job code to add ``data``.

    Raises ``InvalidInput`` where job code gives more values than one entry may have.
    """
    if not caller.in_run:
        return None
    check_values(data, "The data of one entry", "Keep it in several entries")
    return settings.values.keep_bytes + settings.values.data_bytes


def _named(collection: str) -> str:
    if not collection or len(collection) > 200 or collection.startswith("$"):
        raise InvalidInput(
            f"{collection!r} is no collection's name: use 1 to 200 characters, not beginning with '$'.",
            field="collection",
        )
    return collection
