"""``Data``: objects kept in collections."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from luajobs_kit.api._json_values import to_object
from luajobs_kit.api._session import Bound, Session
from luajobs_kit.api._unawaited import awaited_as
from luajobs_kit.api.data.records import Fields, Page
from luajobs_kit.errors import NotAllowed
from luajobs_kit.field_changes import FieldChanges, read_changes, search_text_of
from luajobs_kit.model import Entry, EntryPage
from luajobs_kit.port import Port
from luajobs_kit.record import read_only, wrap


@awaited_as("entry")
class DataEntry(Fields):
    """One object of a collection. ``entry.title`` is ``entry.data["title"]``, as is ``entry["title"]``."""

    _noun = "entry"

    def __init__(self, entry: Entry, session: Session) -> None:
        self._id = entry.id
        self._entry = entry
        self._data = wrap(entry.data)
        self._session = session

    def __getattr__(self, name: str) -> Any:
        if name in {"createdAt", "updatedAt", "searchText"}:
            return getattr(self._entry, name)
        return super().__getattr__(name)

    def _own(self) -> dict[str, Any]:
        shown: dict[str, Any] = self._entry.evolve(data={}).model_dump(mode="json", by_alias=True)
        return shown | {"data": self._data}

    def __setitem__(self, name: str, value: Any) -> None:
        if name in self._own():
            raise NotAllowed(read_only("entry", name))
        super().__setitem__(name, value)

    @property
    def collection(self) -> str:
        return self._entry.collection

    @property
    def score(self) -> float | None:
        """How well it matched a search, 0 to 1; None outside one."""
        return self._entry.score

    @property
    def search_text(self) -> str | None:
        return self._entry.search_text

    @property
    def created_at(self) -> datetime:
        return self._entry.created_at

    @property
    def updated_at(self) -> datetime:
        return self._entry.updated_at

    async def update(self, data: Mapping[str, Any], search_text: str | None = None) -> DataEntry:
        """Merge ``data`` into what is kept of the object, shallowly, and show all of it."""
        return await self._write("update", to_object(data, "data"), search_text)

    async def save(self, search_text: str | None = None) -> DataEntry:
        """Keep ``data`` as it is now here, in place of what was kept."""
        return await self._write("replace", to_object(self._data, "data"), search_text)

    async def patch(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        set: Mapping[str, Any] | None = None,
        unset: Any = (),
    ) -> DataEntry:
        """Merge fields, and remove those named by ``unset``; show what is kept.

        The fields are given as ``data`` or ``set=``, or both as Lua's ``{"set": …, "unset": […]}``.
        """
        asked = patch_of(self.collection, self.id, read_changes(data, set, unset))
        return self._show(await self._session.ask(Port.call, "data.patch", asked))

    async def unset(self, *fields: Any) -> DataEntry:
        """Remove fields; show what is left."""
        return await self.patch(unset=fields[0] if len(fields) == 1 else fields)

    async def delete(self) -> None:
        """Delete the entry."""
        arguments = {"collection": self.collection, "id": self.id}
        await self._session.ask(Port.call, "data.delete", arguments)

    async def _write(self, verb: str, data: dict[str, Any], search_text: str | None) -> DataEntry:
        arguments = {"collection": self.collection, "id": self.id, "data": data}
        if search_text is not None:
            arguments["searchText"] = search_text
        return self._show(await self._session.ask(Port.call, f"data.{verb}", arguments))

    def _show(self, answer: dict[str, Any]) -> DataEntry:
        self._entry = Entry.model_validate(answer)
        self._data = wrap(self._entry.data)
        return self

    def __repr__(self) -> str:
        score = f" score={self.score:.2f}" if self.score is not None else ""
        return f"<DataEntry {self.id} of {self.collection!r}{score} data={self._data!r}>"


def patch_of(collection: str, entry_id: str, changes: FieldChanges) -> dict[str, Any]:
    """Return the arguments of ``data.patch``. Raises ``InvalidInput`` for what is no JSON."""
    text = {} if changes.search_text is None else {"searchText": changes.search_text}
    fields = {"data": to_object(changes.set, "data"), "unset": changes.unset}
    return {"collection": collection, "id": entry_id, **fields, **text}


class DataPage(Page[DataEntry]):
    """A page of entries."""

    _nouns = "entries"


@awaited_as("Data")
class Data(Bound):
    """Collections of a workspace; ``luajobs_kit.Data`` is that of the current one."""

    __inside__ = "Data"

    async def create(
        self,
        collection: str,
        data: Mapping[str, Any],
        search_text: str | Mapping[str, Any] | None = None,
    ) -> DataEntry:
        """Keep an object in a collection; ``search_text`` is what ``search`` looks through.

        As in Lua it may be an object of options: ``{"searchText": …, "index": …}``.
        """
        text = search_text_of(search_text)
        arguments: dict[str, Any] = {"collection": collection, "data": to_object(data, "data")}
        if text is not None:
            arguments["searchText"] = text
        return await self._entry("create", arguments)

    async def get(
        self,
        collection: str,
        filter: Mapping[str, Any] | None = None,
        page: int = 1,
        limit: int = 10,
    ) -> DataPage:
        """Return a page of the entries that match a Mongo-style filter (``{"status": "open"}``)."""
        session = self._session
        arguments: dict[str, Any] = {"collection": collection, "page": page, "limit": limit}
        if filter is not None:
            arguments["filter"] = to_object(filter, "filter")
        answer = EntryPage.model_validate(await session.ask(Port.call, "data.get", arguments))
        return DataPage([DataEntry(entry, session) for entry in answer.data], answer.pagination)

    async def get_entry(self, collection: str, entry_id: str) -> DataEntry:
        """Return one entry. Raises ``NotFound``."""
        return await self._entry("get_entry", {"collection": collection, "id": entry_id})

    async def update(
        self,
        collection: str,
        entry_id: str,
        data: Mapping[str, Any],
        search_text: str | None = None,
    ) -> DataEntry:
        """Merge ``data`` into an entry's object, shallowly; fields it does not name stay.

        ``entry.save()`` replaces the whole object. Raises ``NotFound``.
        """
        arguments: dict[str, Any] = {
            "collection": collection,
            "id": entry_id,
            "data": to_object(data, "data"),
        }
        if search_text is not None:
            arguments["searchText"] = search_text
        return await self._entry("update", arguments)

    async def patch(
        self,
        collection: str,
        entry_id: str,
        data: Mapping[str, Any] | None = None,
        *,
        set: Mapping[str, Any] | None = None,
        unset: Any = (),
    ) -> DataEntry:
        """Merge fields into an entry's, and remove those named by ``unset``. Raises ``NotFound``.

        The fields are given as ``data`` or ``set=``, or both as Lua's ``{"set": …, "unset": […]}``.
        """
        changes = read_changes(data, set, unset)
        return await self._entry("patch", patch_of(collection, entry_id, changes))

    async def delete(self, collection: str, entry_id: str) -> None:
        """Delete an entry. Raises ``NotFound``."""
        arguments = {"collection": collection, "id": entry_id}
        await self._session.ask(Port.call, "data.delete", arguments)

    async def search(
        self,
        collection: str,
        search_text: str,
        limit: int = 10,
        score_threshold: float = 0.6,
    ) -> list[DataEntry]:
        """Return the entries whose text matches, best first, each with its ``score``."""
        session = self._session
        arguments = {
            "collection": collection,
            "searchText": search_text,
            "limit": limit,
            "scoreThreshold": score_threshold,
        }
        found = await session.ask(Port.call, "data.search", arguments)
        return [DataEntry(Entry.model_validate(entry), session) for entry in found]

    async def collections(self) -> list[str]:
        """Return the names of the collections."""
        names: list[str] = await self._session.ask(Port.call, "data.collections", {})
        return names

    async def _entry(self, verb: str, arguments: dict[str, Any]) -> DataEntry:
        session = self._session
        answer = await session.ask(Port.call, f"data.{verb}", arguments)
        return DataEntry(Entry.model_validate(answer), session)
