"""Records: the platform's answers as dicts whose items are attributes, too, in both spellings."""

from __future__ import annotations

import copy
import re
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Final, NoReturn

from luajobs_kit.guest.api.unkept_changes import CopyKind, CopyTracker, items_of, mappings
from luajobs_kit.guest.runtime.run import current

_OF_ENTRY = frozenset(("id", "collection", "searchText", "score", "createdAt", "updatedAt"))
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


def camel(name: str) -> str:
    """Return ``active_version`` as ``activeVersion``."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def wrap(value: Any, kind: type[Record] | None = None) -> Any:
    """Turn JSON's objects into records (of that kind), all the way down."""
    if type(value) is dict:
        return (kind or Record)({key: wrap(each, kind) for key, each in value.items()})
    if type(value) is list:
        return [wrap(each, kind) for each in value]
    return value


class Record(dict[str, Any]):
    """A JSON object: ``record["executeAt"]``, ``record.executeAt`` or ``record.execute_at``.

    Times are text as an item and a datetime as an attribute.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # Python asks for what a class has: an item is no answer
        for key in (name, camel(name)):
            if key in self:
                return _as_attribute(key, self[key])
        close = get_close_matches(camel(name), list(self), n=1)
        advice = f"did you mean {close[0]}?" if close else f"it has {_listed(self)}"
        raise AttributeError(
            f"there is no {name} here; {advice} (.get({name!r}) gives None when it is missing)"
        )

    def __missing__(self, name: Any) -> NoReturn:
        error = KeyError(name)
        error.add_note(f"it has {_listed(self)}; .get(…) gives None for what is missing")
        raise error


def _listed(record: dict[str, Any]) -> str:
    return ", ".join(list(record)[:12]) or "nothing"


def _as_attribute(key: str, value: Any) -> Any:
    is_time = key.endswith("At") or key == "fireTime"
    if is_time and type(value) is str and _INSTANT.match(value):
        return as_datetime(value)
    return value


def as_datetime(text: str) -> datetime:
    """Return an ISO-8601 time as an aware datetime, of the class job code knows."""
    return current().datetime.fromisoformat(text).astimezone(UTC)


def update_metadata_call(name: Any = None, value: Any = None) -> str:
    """Return the call that keeps a value, as its author would write it."""
    if type(name) is not str or not name.isprintable():
        name, value = "x", 5
    simple = value is None or type(value) in {bool, int, float, str}
    shown = repr(value) if simple else "…"
    shown = shown if len(shown) < 40 else "…"  # a message's width
    return f'await job.update_metadata({{"{name}": {shown}}})'


class ReadOnlyRecord(Record):
    """A read-only copy of a job's or run's data: nothing would save a change to it."""

    __slots__ = ()

    def _refuse(self, *given: Any, **named: Any) -> NoReturn:
        raise TypeError(self._refusal(*given, **named))

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
        kept = given[0] if given and type(given[0]) is dict else named
        if given and type(given[0]) is str:
            kept = {given[0]: given[1] if len(given) > 1 else None}
        first = next(iter(kept.items()), ())
        return f"job.metadata is a snapshot; keep a value with {update_metadata_call(*first)}"


class Entry(Record):
    """One entry of a collection: its own fields first, then those of its ``data``."""

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or name in dict.get(self, "data", ())

    def __getitem__(self, name: str) -> Any:
        own = dict.__contains__(self, name)
        return dict.__getitem__(self if own else dict.__getitem__(self, "data"), name)

    def __setitem__(self, name: str, value: Any) -> None:
        if name in _OF_ENTRY or hasattr(Entry, name):
            raise TypeError(
                f"entry.{name} is read-only; entry.data[{name!r}] is a field of that name"
            )
        dict.__getitem__(self, "data")[name] = value

    __setattr__ = __setitem__

    def __getattr__(self, name: str) -> Any:
        data = None if name.startswith("__") else dict.get(self, "data")
        own = dict.__contains__(self, name) or dict.__contains__(self, camel(name))
        return data[name] if not own and data and name in data else super().__getattr__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field of the entry or of its ``data``, or ``default``."""
        data = dict.get(self, "data", {})
        return dict.get(self, name, data.get(name, default))

    async def update(  # type: ignore[override]  # Lua's meaning, not a dict's
        self, data: dict[str, Any], search_text: str | None = None
    ) -> Entry:
        """Merge ``data`` into what is kept of the entry, and show all of it."""
        return await self._keep("update", data, search_text)

    async def save(self, search_text: str | None = None) -> Entry:
        """Keep ``data`` as it is now, in place of what was kept."""
        return await self._keep("replace", self["data"], search_text)

    async def delete(self) -> None:
        """Delete the entry."""
        where = {"collection": self["collection"], "id": self["id"]}
        await ask("data.delete", where)
        entry_deleted(**where)

    async def _keep(self, verb: str, data: dict[str, Any], search_text: str | None) -> Entry:
        arguments = {"collection": self["collection"], "id": self["id"], "data": data}
        text = {} if search_text is None else {"searchText": search_text}
        answer = await ask(f"data.{verb}", arguments | text)
        entry_saved(answer, data, by=self)
        held = dict.get(self, "data")
        if type(held) is Record:
            tracker().refresh(held, answer["data"], wrap)
            answer = {name: value for name, value in answer.items() if name != "data"}
        dict.update(self, wrap(answer))
        return self


class Product(Record):
    """One product of the catalogue."""

    __slots__ = ()

    @property
    def data(self) -> Product:
        """The product itself, its id included."""
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "id" or hasattr(Product, name):
            raise TypeError(
                f"product.{name} is read-only; product[{name!r}] is a field of that name"
            )
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
        answer = await ask(f"products.{verb}", {"id": self["id"], "product": product})
        product_saved(answer, product, by=self)
        tracker().refresh(self, answer, wrap)
        return self


async def ask(verb: str, arguments: dict[str, Any]) -> Any:
    return await current().call(verb, arguments)


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
    made = Entry(wrap(value))
    document = (_ENTRY.name, value["id"], value["collection"])
    tracker().track(made, _ENTRY, document, value["data"])
    return made


def entry_page(value: dict[str, Any]) -> Page:
    return Page([entry(each) for each in value["data"]], wrap(value.get("pagination")))


def as_product(value: dict[str, Any]) -> Product:
    made = Product(wrap(value))
    tracker().track(made, _PRODUCT, (_PRODUCT.name, value["id"]), value)
    return made


def product_page(value: dict[str, Any]) -> Page:
    return Page([as_product(each) for each in value["data"]], wrap(value.get("pagination")))
