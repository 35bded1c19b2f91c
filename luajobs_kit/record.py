"""Records: JSON objects whose items are attributes too, in both spellings.

Job code gets the engine's answers as records, and so does a notebook what people keep: a line that
reads one means the same on both sides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Final, NoReturn

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_SHOWN: Final = 12  # names in a message


def camel(name: str) -> str:
    """Return ``active_version`` as ``activeVersion``."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


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
                return self._as_attribute(key, self[key])
        raise AttributeError(not_there(name, self))

    def __missing__(self, name: Any) -> NoReturn:
        raise no_item(name, self)

    def _as_attribute(self, key: str, value: Any) -> Any:
        is_time = key.endswith("At") or key == "fireTime"
        return self._read_time(value) if is_time and is_instant(value) else value

    @staticmethod
    def _read_time(text: str) -> datetime:
        return datetime.fromisoformat(text).astimezone(UTC)


def is_instant(value: Any) -> bool:
    """Whether a value is text that begins like an ISO-8601 time."""
    return type(value) is str and _INSTANT.match(value) is not None


def wrap(value: Any) -> Any:
    """Turn JSON's objects into records, all the way down."""
    if type(value) is dict:
        return Record({key: wrap(each) for key, each in value.items()})
    if type(value) is list:
        return [wrap(each) for each in value]
    return value


def not_there(name: str, names: Iterable[str]) -> str:
    """Return what to say of an attribute that none of the ``names`` is."""
    known = list(names)
    close = get_close_matches(camel(name), known, n=1)
    advice = f"did you mean {close[0]}?" if close else f"it has {_listed(known)}"
    return f"there is no {name} here; {advice} (.get({name!r}) gives None when it is missing)"


def no_item(name: Any, names: Iterable[str]) -> KeyError:
    """Return the error for an item that none of the ``names`` is; its note lists them."""
    error = KeyError(name)
    error.add_note(f"it has {_listed(list(names))}; .get(…) gives None for what is missing")
    return error


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) or "nothing"


def text_of(parts: Iterable[Any]) -> str:
    """Return a message's parts, as JSON, as one plain text."""
    shown = {"text": "{text}", "image": "[image {imageUrl}]", "file": "[file {fileUrl}]"}
    return "\n".join(shown[part["type"]].format_map(part) for part in parts)


def not_kept(noun: str, id: Any, name: str, data: Iterable[str]) -> str:
    """Return what to say of a field that is not kept about a user, in an entry or in a product."""
    names = list(data)
    close = get_close_matches(name, names, n=1)
    meant = f" did you mean {close[0]}?" if close else ""
    return f"the {noun} {id} has no {name!r};{meant} kept: {', '.join(names) or 'nothing'}"


def read_only(noun: str, name: str) -> str:
    """Return what to say where a read-only attribute of an object is assigned."""
    return (
        f"{noun}.{name} is read-only; await {noun}.update({{…}}) keeps fields, and "
        f'{noun}.data["{name}"] is a field of that name.'
    )


def update_metadata_call(name: Any = None, value: Any = None) -> str:
    """Return the call that keeps a value, as its author would write it."""
    if type(name) is not str or not name.isprintable():
        name, value = "x", 5
    simple = value is None or type(value) in {bool, int, float, str}
    shown = repr(value) if simple else "…"
    shown = shown if len(shown) < 40 else "…"  # a message's width
    return f'await job.update_metadata({{"{name}": {shown}}})'


def metadata_refusal(*given: Any, **named: Any) -> str:
    """Return what to say where metadata is changed in place, with the call that keeps the change."""
    kept = given[0] if given and type(given[0]) is dict else named
    if given and type(given[0]) is str:
        kept = {given[0]: given[1] if len(given) > 1 else None}
    first = next(iter(kept.items()), ())
    return f"job.metadata is a snapshot; keep a value with {update_metadata_call(*first)}"
