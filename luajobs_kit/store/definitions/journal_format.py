"""The format of a commit: its steps, and its line in the journal.

A line is eight hexadecimal digits of CRC-32, a blank, and JSON up to the line's end::

    5f0a3c1e {"commit":12,"changes":[["put","jobs","3",{"id":"job_01…"}],["remove","versions","9"]]}

A change holds the whole new document, so applying a commit needs nothing but its line,
and applying it twice does no harm.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import is_deeper

JSONDict = dict[str, Any]
Tables = dict[str, dict[str, JSONDict]]
"""Documents by table and by id, ids as text: the shape TinyDB's storages speak."""

_CHECKSUM: Final = 8  # hexadecimal digits
DEEPEST: Final = 100  # levels of lists and objects in a document; Python's own limit is near 500


class Change(NamedTuple):
    """One step of a commit.

    ``put`` a document, ``remove`` one, ``clear`` a table (made where missing), ``drop`` it.
    ``text`` is the document's JSON; readers get it parsed again, so that what they see
    is what a later start will see.
    """

    verb: Literal["put", "remove", "clear", "drop"]
    table: str
    id: str = ""
    text: str = ""


def checked_text(value: Any, what: str) -> str:
    """Return compact JSON. Raises ``InvalidInput`` for what is nested too deep to be read again."""
    if is_deeper(value, DEEPEST):
        raise InvalidInput(
            f"{what} has more than {DEEPEST} levels of lists and objects, one in the other; keep it flatter"
        )
    return to_text(value)


class DamagedLine(ValueError):
    """A line that is not what was written."""


# Made once: ``json.dumps`` makes one a call, and what runs just after a sync runs with cold
# caches, where every function that is not called counts.
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decode: Final = json.JSONDecoder().raw_decode


def to_text(value: Any) -> str:
    """Return compact JSON; raises ``TypeError`` for what JSON cannot say."""
    return _encode(value)


def from_text(text: str) -> Any:
    """Return what ``to_text`` made ``text`` from."""
    return _decode(text)[0]


def encode_line(body: str) -> bytes:
    # A lone surrogate is no UTF-8, yet Python text may hold one: it travels escaped.
    data = body.encode("utf-8", "backslashreplace")
    return b"%08x %b\n" % (zlib.crc32(data), data)


def encode_commit(number: int, changes: Sequence[Change]) -> bytes:
    """Return the journal's line for a commit."""
    steps = []
    for verb, table, id_, text in changes:
        name = _encode(table)
        if verb == "put":
            steps.append(f'["put",{name},"{id_}",{text}]')
        elif verb == "remove":
            steps.append(f'["remove",{name},"{id_}"]')
        else:
            steps.append(f'["{verb}",{name}]')
    return encode_line(f'{{"commit":{number},"changes":[{",".join(steps)}]}}')


def decode_line(line: bytes) -> JSONDict:
    """Return a line's JSON object; raises ``DamagedLine`` for anything else."""
    body = line[_CHECKSUM + 1 :]
    if line[:_CHECKSUM] != b"%08x" % zlib.crc32(body) or line[_CHECKSUM : _CHECKSUM + 1] != b" ":
        raise DamagedLine("the checksum does not match")
    value = json.loads(body)
    if not isinstance(value, dict):
        raise DamagedLine("not a JSON object")
    return value


def apply_line(tables: Tables, commit: JSONDict) -> None:
    """Do to ``tables`` what a decoded commit says."""
    for step in commit["changes"]:
        match step:
            case ["put", str(table), str(id_), dict(document)]:
                apply_change(tables, Change("put", table, id_), document)
            case ["remove", str(table), str(id_)]:
                apply_change(tables, Change("remove", table, id_), {})
            case ["clear" | "drop" as verb, str(table)]:
                apply_change(tables, Change(verb, table), {})
            case _:
                raise DamagedLine(f"an unknown step {step!r:.80}")


def apply_change(
    tables: Tables, change: Change, document: JSONDict
) -> list[tuple[str, JSONDict | None, JSONDict | None]]:
    """Do one step; return ``(id, old, new)`` for every document it touched."""
    table = tables.get(change.table, {})
    if change.verb == "put":
        tables.setdefault(change.table, table)
        old, table[change.id] = table.get(change.id), document
        return [(change.id, old, document)]
    if change.verb == "remove":
        return [(change.id, table.pop(change.id, None), None)]
    if change.verb == "clear":
        tables[change.table] = {}
    else:
        tables.pop(change.table, None)
    return [(id_, old, None) for id_, old in table.items()]
