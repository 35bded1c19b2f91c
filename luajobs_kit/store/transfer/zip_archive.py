"""A workspace with its history as one zip file: the container, and what is refused of one.

Each member holds documents of one kind, one JSON object a line. Names and sizes are those
below and nothing else, so nothing in a file from elsewhere can name a path, and none of
its lines is read before it is known how much there is.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final, cast

from luajobs_kit.errors import InvalidInput
from luajobs_kit.store.definitions.journal_format import JSONDict, to_text

FORMAT: Final = "luajobs-export"
VERSION: Final = 1
ABOUT: Final = "about.json"
DEFINED: Final = ("jobs", "versions", "users", "settings", "fires")  # in memory while importing
GROWN: Final = ("entries", "executions", "messages", "logs")  # never in memory as a whole

_MOST: Final = dict.fromkeys(DEFINED, 2**28) | dict.fromkeys(GROWN, 2**33) | {ABOUT: 2**16}
"""Bytes a member may unpack to."""
_MOST_LINE: Final = 2**24  # bytes; a run's result takes 1 MiB at most, an entry 4
_BATCH: Final = 500  # documents
_BATCH_BYTES: Final = 2**22  # of lines, or one line
_MOST_NAMES: Final = 2**14  # bytes of the zip's list of members; ten take a few hundred
_LIST_END: Final = 22  # bytes at the end of a zip that has no comment
_ZIP64: Final = b"PK\x06\x07"
_DAMAGE: Final = (  # what zipfile and json raise for it
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    NotImplementedError,
    RecursionError,
)


def write_archive(path: Path, members: Iterable[tuple[str, Iterable[str]]]) -> dict[str, int]:
    """Write a new file of kinds and their documents' JSON, a line each; return how many of each.

    Raises ``OSError`` (``FileExistsError`` where something is at ``path``); nothing is left then.
    """
    descriptor = os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600
    )
    counts = {}
    try:
        with os.fdopen(descriptor, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(ABOUT, to_text({"format": FORMAT, "version": VERSION}))
                for name, lines in members:
                    with archive.open(_member(name), "w", force_zip64=True) as member:
                        counts[name] = _write_lines(member, lines)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    return counts


def _member(name: str) -> str:
    return f"{name}.jsonl"


def _write_lines(member: IO[bytes], lines: Iterable[str]) -> int:
    count = 0
    for line in lines:
        # A lone surrogate is no UTF-8, yet Python text may hold one: it travels escaped.
        member.write(line.encode("utf-8", "backslashreplace") + b"\n")
        count += 1
    return count


class Archive:
    """An export that is being read."""

    def __init__(self, file: zipfile.ZipFile, path: Path) -> None:
        self._file = file
        self._path = path
        self.size = sum(each.file_size for each in file.infolist())
        """Bytes it unpacks to."""

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Archive]:
        """Open an export. Raises ``InvalidInput`` for anything else, and ``OSError``."""
        with path.open("rb") as file:
            _refuse_long_list(file, path)
            try:
                archive = zipfile.ZipFile(file)
            except _DAMAGE as error:
                raise _no_export(path, f"it is no zip file ({error})") from error
            with archive:
                found = cls(archive, path)
                problems = dict(_problems(archive.infolist()))
                if ABOUT not in problems:
                    found._refuse_newer()  # whose other members this one need not know
                for name, problem in problems.items():
                    raise _no_export(path, f"{name!r:.80} in it {problem}")
                yield found

    def _refuse_newer(self) -> None:
        about = next(self._objects(ABOUT), (0, {}))[1]
        if about.get("format") != FORMAT:
            raise _no_export(self._path, f"its {ABOUT} is another one's")
        version = about.get("version")
        if not isinstance(version, int) or version > VERSION:
            raise InvalidInput(
                f"{self._path} is of a newer luajobs-kit (format {version}; this one reads up to "
                f"{VERSION}). Upgrade with `pip install -U luajobs-kit`, and import again."
            )

    def batches(self, kind: str) -> Iterator[list[JSONDict]]:
        """Return the documents of one kind, in order. Raises ``InvalidInput`` at a damaged one."""
        batch: list[JSONDict] = []
        size = 0
        for taken, document in self._objects(_member(kind)):
            batch.append(document)
            size += taken
            if len(batch) >= _BATCH or size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _objects(self, member: str) -> Iterator[tuple[int, JSONDict]]:
        number = 0
        try:
            with self._file.open(member) as packed:
                lines = io.BufferedReader(cast("Any", packed))  # zipfile's own is slow by the line
                while line := lines.readline(_MOST_LINE):
                    number += 1
                    yield len(line), _object(line)
        except _DAMAGE as error:
            raise self.damaged(member, number, str(error)) from error

    def damaged(self, where: str, number: int, problem: str) -> InvalidInput:
        """Return the error for what cannot be read."""
        return InvalidInput(
            f"{self._path} is damaged at {where}, line {number}: {problem}. Nothing was imported."
        )


def _object(line: bytes) -> JSONDict:
    if len(line) == _MOST_LINE and not line.endswith(b"\n"):
        raise ValueError(f"longer than {_MOST_LINE} bytes")
    value = json.loads(line, parse_constant=_refuse)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one way for all damage
    return value


def _refuse_long_list(file: IO[bytes], path: Path) -> None:
    """Raise ``InvalidInput`` before a list of millions of members is read into memory."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LIST_END - 20))
    tail = file.read()
    end = tail[-_LIST_END:]
    listed = int.from_bytes(end[12:16], "little")
    if not end.startswith(b"PK\x05\x06") or tail.startswith(_ZIP64) or listed > _MOST_NAMES:
        raise _no_export(path, "it does not end as such a file does")


def _problems(members: list[zipfile.ZipInfo]) -> Iterator[tuple[str, str]]:
    expected = {ABOUT, *map(_member, (*DEFINED, *GROWN))}
    for member in members:
        if member.filename not in expected:
            yield member.filename, "is not known, or there twice"
            continue
        expected.discard(member.filename)
        if member.flag_bits & 1:
            yield member.filename, "is encrypted"
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            yield member.filename, "is packed in another way"
        if member.file_size > _MOST[member.filename.removesuffix(".jsonl")]:
            yield member.filename, f"unpacks to {member.file_size} bytes, more than it may"
    for name in sorted(expected):
        yield name, "is missing"


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _no_export(path: Path, why: str) -> InvalidInput:
    return InvalidInput(
        f"{path} is no export of luajobs-kit: {why}. Make one with `luajobs export FILE.zip`. "
        "Nothing was imported."
    )
