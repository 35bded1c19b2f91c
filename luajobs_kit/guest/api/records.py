"""Records: the platform's answers as dicts whose items are attributes, too, in both spellings."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from luajobs_kit import record
from luajobs_kit.errors import NotAllowed
from luajobs_kit.field_changes import FieldChanges, read_changes
from luajobs_kit.guest.api.json_objects import to_object
from luajobs_kit.guest.api.spoken import spoken_as
from luajobs_kit.guest.api.unkept_changes import CopyKind, CopyTracker, items_of, mappings
from luajobs_kit.guest.runtime.run import current
from luajobs_kit.record import (
    camel,
    metadata_refusal,
    not_kept,
    read_only,
    text_of,
    update_metadata_call,
)

_OF_ENTRY = frozenset(("id", "collection", "searchText", "score", "createdAt", "updatedAt"))
_MAY_BE_NONE: Final = {
    "entry": ("searchText", "score"),
    "pagination": ("nextPage", "prevPage"),
    "profile": ("fullName",),
    "message": ("threadId", "jobId", "jobName", "executionId"),
    "image": ("altText",),
    "file": ("fileName", "mimeType"),
}
"""Fields that the engine leaves out of its JSON where they have no value."""


def wrap(value: Any, kind: type[Record] | None = None) -> Any:
    """Turn JSON's objects into records (of that kind), all the way down."""
    if type(value) is dict:
        return (kind or Record)({key: wrap(each, kind) for key, each in value.items()})
    if type(value) is list:
        return [wrap(each, kind) for each in value]
    return value


def filled(kind: str, value: dict[str, Any]) -> dict[str, Any]:
    """Return the engine's JSON of a kind (``entry``, ``message`` …) with every field it may have."""
    return {**value, **{name: value.get(name) for name in _MAY_BE_NONE.get(kind, ())}}


class Record(record.Record):
    """A JSON object of this run: its times are of the class that job code knows as ``datetime``."""

    __slots__ = ()

    @staticmethod
    def _read_time(text: str) -> datetime:
        return as_datetime(text)


def as_datetime(text: str) -> datetime:
    """Return an ISO-8601 time as an aware datetime, of the class job code knows."""
    return current().datetime.fromisoformat(text).astimezone(UTC)


class ReadOnlyRecord(Record):
    """A read-only copy of a job's or run's data: nothing would save a change to it."""

    __slots__ = ()

    def _refuse(self, *given: Any, **named: Any) -> NoReturn:
        raise NotAllowed(self._refusal(*given, **named))

    def _refusal(self, *_given: Any, **_named: Any) -> str:
        return (
            "this only shows the job, and changing it changes nothing: keep a value with "
            f"{update_metadata_call()}, or change a copy of your own, such as dict(job.data)"
        )

    __setitem__ = __delitem__ = __ior__ = __setattr__ = _refuse
    update = pop = popitem = setdefault = clear = _refuse

    def __copy__(self) -> Record:
        return Record(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Record:
        return Record({key: copy.deepcopy(value, memo) for key, value in self.items()})


class ReadOnlyMetadata(ReadOnlyRecord):
    """A job's metadata: read like a dict, and kept by ``update_metadata`` alone."""

    __slots__ = ()

    def _refusal(self, *given: Any, **named: Any) -> str:
        return metadata_refusal(*given, **named)


@spoken_as("entry")
class Entry(Record):
    """One entry of a collection: its own fields first, then those of its ``data``."""

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or name in dict.get(self, "data", ())

    def __getitem__(self, name: str) -> Any:
        own = dict.__contains__(self, name)
        return dict.__getitem__(self, name) if own else dict.__getitem__(self, "data")[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if name in _OF_ENTRY or hasattr(Entry, name):
            raise NotAllowed(read_only("entry", name))
        dict.__getitem__(self, "data")[name] = value

    __setattr__ = __setitem__

    def __getattr__(self, name: str) -> Any:
        data = None if name.startswith("__") else dict.get(self, "data")
        own = dict.__contains__(self, name) or dict.__contains__(self, camel(name))
        if own or name.startswith("__"):
            return super().__getattr__(name)
        if data and name in data:
            return data[name]
        if camel(name) in _OF_ENTRY:
            return None
        raise AttributeError(not_kept("entry", dict.get(self, "id"), name, data or ()))

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field of the entry or of its ``data``, or ``default``."""
        data = dict.get(self, "data", {})
        return dict.get(self, name, data.get(name, default))

    async def update(  # type: ignore[override]  # Lua's meaning, not a dict's
        self, data: dict[str, Any], search_text: str | None = None
    ) -> Entry:
        """Merge ``data`` into what is kept of the entry, and show all of it."""
        return await self._keep("update", data, search_text)

    async def patch(
        self,
        data: dict[str, Any] | None = None,
        *,
        set: dict[str, Any] | None = None,
        unset: Any = (),
    ) -> Entry:
        """Merge fields, and remove those named by ``unset``; show what is kept.

        The fields are given as ``data`` or ``set=``, or both as Lua's ``{"set": …, "unset": […]}``.
        """
        changes = read_changes(data, set, unset)
        answer = await patch_entry(self["collection"], self["id"], changes)
        return self._show(answer, {**changes.set, **dict.fromkeys(changes.unset)})

    async def unset(self, *fields: Any) -> Entry:
        """Remove fields; show what is left."""
        return await Entry.patch(self, unset=several(fields))

    async def save(self, search_text: str | None = None) -> Entry:
        """Keep ``data`` as it is now, in place of what was kept."""
        return await self._keep("replace", self["data"], search_text)

    async def delete(self) -> None:
        """Delete the entry."""
        where = {"collection": self["collection"], "id": self["id"]}
        await ask("data.delete", where)
        entry_deleted(**where)

    async def _keep(self, verb: str, data: dict[str, Any], search_text: str | None) -> Entry:
        plain = to_object(data, "data")
        arguments = {"collection": self["collection"], "id": self["id"], "data": plain}
        text = {} if search_text is None else {"searchText": search_text}
        return self._show(await ask(f"data.{verb}", arguments | text), data)

    def _show(self, answer: dict[str, Any], given: dict[str, Any]) -> Entry:
        """Show what is kept now, after ``given`` was."""
        entry_saved(answer, given, by=self)
        held = dict.get(self, "data")
        if type(held) is Record:
            tracker().refresh(held, answer["data"], wrap)
            answer = {name: value for name, value in answer.items() if name != "data"}
        dict.update(self, wrap(filled("entry", answer)))
        return self


@spoken_as("product")
class Product(Record):
    """One product of the catalogue."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in self:
            return super().__getattr__(name)
        raise AttributeError(not_kept("product", self["id"], name, self))

    @property
    def data(self) -> Product:
        """The product itself, its id included."""
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "id" or hasattr(Product, name):
            raise NotAllowed(read_only("product", name))
        self[name] = value

    async def update(self, data: dict[str, Any]) -> Product:  # type: ignore[override]  # Lua's meaning
        """Merge ``data`` into the product, and keep it."""
        return await self._keep("update", data)

    async def save(self) -> Product:
        """Keep the product as it is now, in place of what was kept."""
        return await self._keep("replace", dict(self))

    async def delete(self) -> None:
        """Take it from the catalogue."""
        await ask("products.delete", {"id": self["id"]})
        product_deleted(self["id"])

    async def _keep(self, verb: str, product: dict[str, Any]) -> Product:
        plain = to_object(product, "product")
        answer = await ask(f"products.{verb}", {"id": self["id"], "product": plain})
        product_saved(answer, product, by=self)
        tracker().refresh(self, answer, wrap)
        return self


def several(fields: tuple[Any, ...]) -> Any:
    """Return the names given one by one, or as one list."""
    return fields[0] if len(fields) == 1 else fields


async def patch_entry(collection: Any, entry_id: Any, changes: FieldChanges) -> dict[str, Any]:
    """Have an entry's fields changed; return the entry as the engine answers it."""
    arguments = {
        "collection": collection,
        "id": entry_id,
        "data": to_object(changes.set, "data"),
        "unset": changes.unset,
    }
    if changes.search_text is not None:
        arguments["searchText"] = changes.search_text
    return await ask("data.patch", arguments)  # type: ignore[no-any-return]


async def ask(verb: str, arguments: dict[str, Any]) -> Any:
    return await current().call(verb, arguments)


class Message(Record):
    """A message in a user's inbox."""

    __slots__ = ()

    @property
    def text(self) -> str:
        """The message as one plain text."""
        return text_of(self["content"])


def message(answer: dict[str, Any]) -> Message:
    """Return a message, as the engine gives it."""
    parts = [filled(part["type"], part) for part in answer["content"]]
    return Message(wrap({**filled("message", answer), "content": parts}))


class Page(list[Any]):
    """A page of results: iterate it, index it; ``pagination`` says where it stands."""

    __slots__ = ("pagination",)

    def __init__(self, items: list[Any], pagination: Any) -> None:
        super().__init__(items)
        self.pagination = pagination

    @property
    def data(self) -> list[Any]:
        return list(self)


def _data_of(entry: Entry) -> Any:
    """Return an entry's data, with what a dict's own methods have put beside it."""
    items = items_of(entry)
    beside = {name: items[name] for name in items if name not in _OF_ENTRY and name != "data"}
    return {**items_of(items.get("data")), **beside} if beside else items.get("data")


mappings.update(map(id, (Record, ReadOnlyRecord, ReadOnlyMetadata, Entry, Product)))
_ENTRY: Final = CopyKind("entry.data", _data_of, lambda _: "await entry.save() keeps it")
_PRODUCT: Final = CopyKind("product", lambda held: held, lambda _: "await product.save() keeps it")


def tracker() -> CopyTracker:
    """Return the tracker of the copies that this run was given."""
    return current().copies


def entry_saved(answer: Any, data: Any, *, by: Entry | None = None) -> None:
    """Record that ``data`` was saved to the entry that the answer is about."""
    tracker().saved((_ENTRY.name, answer["id"], answer["collection"]), data, answer["data"], by=by)


def entry_deleted(collection: Any, id: Any) -> None:
    """Stop tracking the copies of a deleted entry."""
    if type(collection) is str and type(id) is str:
        tracker().forget((_ENTRY.name, id, collection))


def product_saved(answer: Any, product: Any, *, by: Product | None = None) -> None:
    """Record that ``product`` was saved to the product that the answer is about."""
    tracker().saved((_PRODUCT.name, answer["id"]), product, answer, by=by)


def product_deleted(id: Any) -> None:
    """Stop tracking the copies of a deleted product."""
    if type(id) is str:
        tracker().forget((_PRODUCT.name, id))


def entry(value: dict[str, Any]) -> Entry:
    made = Entry(wrap(filled("entry", value)))
    document = (_ENTRY.name, value["id"], value["collection"])
    tracker().track(made, _ENTRY, document, value["data"])
    return made


def entry_page(value: dict[str, Any]) -> Page:
    return Page(
        [entry(each) for each in value["data"]], wrap(filled("pagination", value["pagination"]))
    )


def as_product(value: dict[str, Any]) -> Product:
    made = Product(wrap(value))
    tracker().track(made, _PRODUCT, (_PRODUCT.name, value["id"]), value)
    return made


def product_page(value: dict[str, Any]) -> Page:
    return Page(
        [as_product(each) for each in value["data"]],
        wrap(filled("pagination", value["pagination"])),
    )
