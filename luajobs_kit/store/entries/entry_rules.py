"""Rules for entries: what one must be to be kept, read, answered and exported again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import is_deeper, map_texts, shortened
from luajobs_kit.long_numbers import in_our_words
from luajobs_kit.model import Entry
from luajobs_kit.store.database.column_values import utf8

DEEPEST: Final = 100
"""Objects and lists inside one another; pydantic writes some 250, the export's own among them."""


def accepted(entry: Entry) -> Entry:
    """Return an entry from elsewhere as it can be kept. Raises ``InvalidInput``."""
    return entry.evolve(
        id=valid_name(entry.id, "An entry", "an id"),
        collection=valid_collection(entry.collection),
        data=valid_data(entry.data),
        search_text=utf8(entry.search_text),
    )


def valid_collection(name: str) -> str:
    """Return the name of a collection. Raises ``InvalidInput``."""
    return valid_name(name, "A collection", "a name, such as 'tickets'")


def valid_name(name: str, whose: str, what: str) -> str:
    """Return a name that SQLite can keep. Raises ``InvalidInput``."""
    if not isinstance(name, str) or not name.strip() or "\x00" in name or utf8(name) != name:
        raise InvalidInput(f"{whose} needs {what}, in valid text; got {shortened(name)}.")
    return name


def valid_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``data`` as the JSON object it will be read back as. Raises ``InvalidInput``."""
    if not isinstance(data, Mapping):
        raise InvalidInput(f"An entry's data must be an object (a dict); got {shortened(data)}.")
    try:
        copy = json.loads(json.dumps(dict(data), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            f"An entry's data must be JSON (texts, finite numbers, true, false, null, lists, and"
            f" dicts with texts as keys): {in_our_words(str(error))}."
        ) from error
    if is_deeper(copy, DEEPEST):
        raise InvalidInput(
            f"An entry's data may have {DEEPEST} objects and lists inside one another; this has"
            " more. Keep what is deeper in an entry of its own."
        )
    kept: dict[str, Any] = map_texts(copy, utf8)
    return kept
