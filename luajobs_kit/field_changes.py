"""Changes of single fields as people write them: merged, or as Lua's ``{"set": …, "unset": […]}``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import shortened

_LUAS: Final = frozenset({"set", "unset", "searchText"})


class FieldChanges(NamedTuple):
    """Fields to merge, names of fields to remove, and a new search text (None: as it is)."""

    set: Any
    unset: list[str]
    search_text: Any = None


def read_changes(data: Any = None, set: Any = None, unset: Any = ()) -> FieldChanges:
    """Read what ``patch`` was given; the fields to merge are not looked at.

    ``data`` are the fields, unless every key of it is one of Lua's patch: ``set``, ``unset``,
    ``searchText`` (whose None takes the search text away). Raises ``InvalidInput``.
    """
    if isinstance(data, dict) and data and data.keys() <= _LUAS:
        if set is not None or unset:
            raise InvalidInput(
                "A patch is given once: as {'set': …, 'unset': […]}, or by set=… and unset=[…]."
            )
        text = (data["searchText"] or "") if "searchText" in data else None
        return FieldChanges(data.get("set") or {}, field_names(data.get("unset") or ()), text)
    if data is not None and set is not None:
        raise InvalidInput("Fields to merge are given once: as the first argument, or as set=.")
    fields = {} if data is None and set is None else set if data is None else data
    return FieldChanges(fields, field_names(unset))


def field_names(given: Any) -> list[str]:
    """Return names of fields: those of a list, or the one. Raises ``InvalidInput``."""
    names: Iterable[Any] = [given] if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InvalidInput(
            f'unset takes names of fields, such as unset("city") or unset=["city"], '
            f"not {shortened(given)}.",
            field="unset",
        )
    return [str.__str__(name) for name in names]


def search_text_of(options: Any) -> Any:
    """Return the search text of a new entry: given as it is, or as Lua's ``{"searchText": …}``.

    Lua's object may say ``"index": True`` too, which every entry is here. Raises ``InvalidInput``.
    """
    if not isinstance(options, dict):
        return options
    for name in options:
        if name not in {"searchText", "index"}:
            raise InvalidInput(
                f"Data.create has no option {name!r}; there are searchText and index.", field=name
            )
    check_index(options.get("index"))
    return options.get("searchText")


def check_index(given: Any) -> None:
    """Raise ``InvalidInput`` for ``index`` of a new entry that is not true: all are searched here."""
    if given is not None and given is not True:
        raise InvalidInput(
            f"index={shortened(given)} is not possible: search looks through every entry here. Leave it out.",
            field="index",
        )
