"""The snapshot: every definition in one readable JSON file.

A line holds one field of one document, so that people read it, version control shows
what changed, and a damaged document is told from its neighbours. The last field is a
CRC-32 of everything before it.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from luajobs_kit.store.definitions.disk import Disk
from luajobs_kit.store.definitions.journal_format import Tables, to_text

FORMAT: Final = "luajobs-definitions"
VERSION: Final = 1
_CHUNK: Final = 32_768  # characters written at once; a writer's thread gets its turn in between
_SYNCED: Final = (
    1 << 20
)  # bytes: where a file system syncs all that waits, a commit waits for these
CHECKSUM_FIELD: Final = b'  "crc32": '


def write_snapshot(
    disk: Disk,
    path: Path,
    tables: Tables,
    commit: int,
    *,
    ready: Callable[[], None] | None = None,
) -> int:
    """Write a snapshot beside ``path``, then put it there in one step; return its size in bytes.

    ``ready`` is called right before that step, and prevents it by raising. Raises ``OSError``;
    ``path`` then still holds what it held.
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
            ending = b'%s"%08x"\n}\n' % (CHECKSUM_FIELD, checksum)
            disk.write_all(descriptor, ending)
            disk.sync(descriptor)
        finally:
            os.close(descriptor)
        if ready is not None:
            ready()
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
