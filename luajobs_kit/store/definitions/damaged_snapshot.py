"""Reading the snapshot: at once where its checksum holds, else as far as it can be read."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeGuard

from luajobs_kit.store.definitions.journal_format import JSONDict, Tables, nested_too_deep
from luajobs_kit.store.definitions.snapshot import CHECKSUM_FIELD, VERSION
from luajobs_kit.store.layout import Layout

KNOWN: Final = ("jobs", "versions", "users", "settings")
_OURS: Final = ("version", "commit", "crc32")
_NAMED: Final = 50  # losses that are named one by one


@dataclass(slots=True)
class Snapshot:
    """What a snapshot file said: the tables as of ``commit``, and what could not be read."""

    version: int = VERSION
    commit: int = 0
    tables: Tables = field(default_factory=dict)
    unnumbered: list[tuple[str, JSONDict]] = field(default_factory=list)
    """Documents that were read, with their table; their numbers were not, or are there twice."""
    findings: list[str] = field(default_factory=list)
    damaged: bool = False


def read_snapshot(path: Path) -> Snapshot | None:
    """Return what ``path`` holds, as far as it can be read; None where there is no such file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        return _by_layout(path, data, str(error))
    if not isinstance(value, dict):
        return _by_layout(path, data, "not a JSON object")
    if not _is_ours(value):  # TinyDB's own file: nothing but tables
        return Snapshot(version=0, tables=value)
    version, commit, tables = (value.get(name) for name in ("version", "commit", "tables"))
    if _is_count(version) and version > VERSION and not _holds(_with_our_version(data, version)):
        return Snapshot(version=version)
    if not _is_count(commit):
        return _changed(path, data, 0)
    if not (_holds(data) and version == VERSION and isinstance(tables, dict)):
        return _changed(path, data, commit)
    return Snapshot(commit=commit, tables=tables)


def _is_ours(value: JSONDict) -> bool:
    """Return whether any of our fields is there: one that a bit has changed is not missed."""
    return "format" in value or any(
        name in value and not isinstance(value[name], dict) for name in _OURS
    )


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and value >= 0  # True is no number here


def _holds(data: bytes) -> bool:
    body, _, ending = data.rpartition(CHECKSUM_FIELD)
    return ending[1:9] == b"%08x" % zlib.crc32(body)


def _with_our_version(data: bytes, version: int) -> bytes:
    """Return a file of a newer kit as it was if the version is all that is damaged in it."""
    return data.replace(b'"version": %d,' % version, b'"version": %d,' % VERSION, 1)


def _changed(path: Path, data: bytes, commit: int) -> Snapshot:
    """Read JSON whose checksum does not hold: edited by someone, or damaged."""
    try:
        tables = json.loads(data, object_pairs_hook=_without_doubles)["tables"]
        if not isinstance(tables, dict):
            raise ValueError("its tables are no JSON object")  # noqa: TRY004, TRY301 - one way for all damage
    except (ValueError, KeyError) as error:
        return _by_layout(path, data, str(error))
    told = (
        f"{path.name} was changed outside the kit, or damaged (its checksum does not match); "
        "what it says is used as it stands"
    )
    found = Snapshot(commit=commit, findings=[told], damaged=True)
    lost: list[str] = []
    for table, documents in tables.items():
        if table not in KNOWN:
            found.findings.append(f"{path.name} has a table {table!r}, none of the kit's own")
        if not isinstance(documents, dict):
            lost.append(f"table {table} (no JSON object)")
            continue
        for number, document in documents.items():
            _keep(found, lost, (table, number, document, f"document {number} of table {table}"))
    _tell_lost(found, lost)
    return found


def _without_doubles(pairs: list[tuple[str, Any]]) -> JSONDict:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice in one object")
    return found


def _by_layout(path: Path, data: bytes, problem: str) -> Snapshot:
    """Read what is no JSON, document by document."""
    layout = Layout(path.name)
    # Bytes that are no UTF-8 stay what they are, and spoil only the document they are in.
    layout.read(data.decode("utf-8", "surrogateescape").split("\n"))
    told = f"{path.name} is damaged ({problem}); every readable document is kept"
    found = Snapshot(layout.version, layout.commit, findings=[told], damaged=True)
    times = Counter((table, number) for table, number, *_ in layout.documents)
    for table, number, document, where in layout.documents:
        sure = number if times[table, number] == 1 else ""
        _keep(found, layout.lost, (table, sure, document, where))
    _tell_lost(found, layout.lost)
    return found


def _keep(found: Snapshot, lost: list[str], read: tuple[str, str, Any, str]) -> None:
    table, number, document, where = read
    if not isinstance(document, dict):
        lost.append(f"{where} (no JSON object)")
    elif nested_too_deep(document):
        lost.append(f"{where} (nested too deep)")
    elif number.isascii() and number.isdecimal() and number == str(int(number[:18])):
        found.tables.setdefault(table, {})[number] = document
    else:
        found.unnumbered.append((table, document))


def _tell_lost(found: Snapshot, lost: list[str]) -> None:
    found.findings += [f"lost: {each}" for each in lost[:_NAMED]]
    if len(lost) > _NAMED:
        found.findings.append(f"lost: {len(lost) - _NAMED} more, as those before")
