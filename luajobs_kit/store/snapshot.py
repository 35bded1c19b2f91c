"""The snapshot: every definition in one readable JSON file.

A line holds one field of one document, so that people read it, version control shows
what changed, and a damaged document is told from its neighbours. The last field is a
CRC-32 of everything before it.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from luajobs_kit.store.changes import JSONDict, Tables, to_text
from luajobs_kit.store.disk import Disk

FORMAT: Final = "luajobs-definitions"
VERSION: Final = 1
_CHUNK: Final = 32_768  # characters written at once; a writer's thread gets its turn in between
_SYNCED: Final = (
    1 << 20
)  # bytes: where a file system syncs all that waits, a commit waits for these
_CHECKSUM_FIELD: Final = b'  "crc32": '


@dataclass(slots=True)
class Snapshot:
    """What a snapshot file said: the tables as of ``commit``, and what could not be read."""

    version: int = VERSION
    commit: int = 0
    tables: Tables = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    damaged: bool = False


def write_snapshot(disk: Disk, path: Path, tables: Tables, commit: int) -> int:
    """Write a snapshot beside ``path``, then put it there in one step; return its size in bytes.

    Raises ``OSError``; ``path`` then still holds what it held.
    """
    beside = path.with_name(path.name + ".new")
    disk.remove(beside)  # of a process that died while writing it
    descriptor = disk.open(beside)
    size = checksum = synced = 0
    try:
        try:
            for text in _chunks(_render(tables, commit)):
                data = text.encode("utf-8", "backslashreplace")
                disk.write_all(descriptor, data)
                checksum = zlib.crc32(data, checksum)
                size += len(data)
                if size - synced >= _SYNCED:
                    disk.sync(descriptor)
                    synced = size
            ending = b'%s"%08x"\n}\n' % (_CHECKSUM_FIELD, checksum)
            disk.write_all(descriptor, ending)
            disk.sync(descriptor)
        finally:
            os.close(descriptor)
        disk.replace(beside, path)
    except OSError:
        with suppress(OSError):
            disk.remove(beside)
        raise
    disk.sync_folder(path.parent)
    return size + len(ending)


def _chunks(pieces: Iterator[str]) -> Iterator[str]:
    kept: list[str] = []
    length = 0
    for piece in pieces:
        kept.append(piece)
        length += len(piece)
        if length >= _CHUNK:
            yield "".join(kept)
            kept.clear()
            length = 0
    yield "".join(kept)


def _render(tables: Tables, commit: int) -> Iterator[str]:
    yield f'{{\n  "format": "{FORMAT}",\n  "version": {VERSION},\n  "commit": {commit},\n'
    yield '  "tables": {'
    for place, (name, documents) in enumerate(tables.items()):
        yield f"{',' if place else ''}\n    {to_text(name)}: {{"
        between = "\n"
        for id_, document in documents.items():
            fields = ",\n".join(
                f"        {to_text(str(k))}: {to_text(v)}" for k, v in document.items()
            )
            yield f'{between}      "{id_}": {{\n{fields}\n      }}'
            between = ",\n"
        yield "\n    }"
    yield "\n  },\n"


def read_snapshot(path: Path) -> Snapshot | None:
    """Return what ``path`` holds, as far as it can be read; None where there is no such file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        value = json.loads(data)
        if not isinstance(value, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004, TRY301 - one way for all damage
    except ValueError as error:
        return _salvage(path, data, str(error))
    if "format" not in value:  # TinyDB's own file: nothing but tables
        return Snapshot(version=0, tables=value)
    found = Snapshot(value.get("version", VERSION), value.get("commit", 0), value.get("tables", {}))
    body, _, ending = data.rpartition(_CHECKSUM_FIELD)
    if found.version == VERSION and ending[1:9] != b"%08x" % zlib.crc32(body):
        found.findings.append(
            f"{path.name} was changed outside the kit (its checksum does not match); "
            "what it says is used as it stands"
        )
        found.damaged = True
    return found


def _salvage(path: Path, data: bytes, problem: str) -> Snapshot:
    """Read a broken snapshot document by document, relying on its layout."""
    found = Snapshot(damaged=True)
    found.findings.append(f"{path.name} is damaged ({problem}); every readable document is kept")
    table = ""
    block: list[str] = []
    start = 0
    lines = data.decode("utf-8", "replace").split("\n")
    for number, line in enumerate(lines, 1):
        if block:
            if line.rstrip("\r,") == "      }":
                _keep(found, table, block, f"{path.name}, lines {start}-{number}")
                block = []
            elif line.startswith('      "') and line.endswith(": {"):
                _keep(found, table, block, f"{path.name}, lines {start}-{number - 1}")
                block, start = [line], number
            else:
                block.append(line)
        elif line.startswith('      "') and line.endswith(": {"):
            block, start = [line], number
        elif line.startswith('    "') and line.endswith(": {"):
            with suppress(ValueError):
                table = json.loads(line[:-3])
                found.tables.setdefault(table, {})
        elif line.startswith(('  "version": ', '  "commit": ')):
            with suppress(ValueError):
                name, _, number_text = line.strip(" ,\r").partition(": ")
                setattr(found, json.loads(name), int(number_text))
    if block:  # the file ends within it: what is there may parse, and yet be half
        _keep(found, table, [*block, "cut short"], f"{path.name}, from line {start}")
    return found


def _keep(found: Snapshot, table: str, block: list[str], where: str) -> None:
    value: Any = None
    id_ = block[0].strip().removesuffix(": {").strip('"')
    with suppress(ValueError):
        value = json.loads("{" + "\n".join(block[1:]) + "}")
    if not isinstance(value, dict) or not table or not id_.isdecimal() or "�" in "".join(block):
        found.findings.append(f"lost: document {id_} of table {table or '(unknown)'} ({where})")
        return
    document: JSONDict = value
    found.tables[table][id_] = document
