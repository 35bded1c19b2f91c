"""Reading of the snapshot: whole where its checksum holds, else each document that can be read."""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeGuard

from luajobs_kit.json_walk import is_deeper
from luajobs_kit.store.definitions.journal_format import DEEPEST, JSONDict, Tables
from luajobs_kit.store.definitions.snapshot import CHECKSUM_FIELD, VERSION

_HEAD, _TABLE, _DOCUMENT, _FIELD = 2, 4, 6, 8  # blanks before a line
_ESCAPED: Final = re.compile("[\ud800-\udfff]")  # bytes that are no UTF-8
_NUMBER: Final = re.compile(r'"(version|commit)": (\d{1,18}),?\s*')
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAME: Final = re.compile(r'^"(?:name|id)": ("(?:[^"\\]|\\.)*")', re.MULTILINE)


class Layout:
    """What was read of a snapshot, and in words what was not."""

    def __init__(self, file: str) -> None:
        self.version, self.commit = VERSION, 0
        self.documents: list[tuple[str, str, JSONDict, str]] = []
        """Table, number (empty: not readable), document, and where it stands."""
        self.lost: list[str] = []
        self._file = file
        self._table = ""
        self._sure = True  # whether the lines that follow belong to this table
        self._block: list[str] | None = None  # the fields of the document that is being read
        self._number = ""
        self._start = 0
        self._last = "the beginning"
        self._complete = False  # whether the end of the tables was there

    def read(self, lines: list[str]) -> None:
        """Take every line of the file."""
        for number, line in enumerate(lines, 1):
            self._line(number, *_indented(line))
            if "\0" in line:
                zeros = line.count("\0")
                self.lost.append(f"what stood in {zeros} zero bytes, {self._file} line {number}")
                self._sure = False
        if self._complete:
            self._close(len(lines))
            return
        if self._block:  # what is there may parse, and yet be half
            self._add_lost(self._block, "cut short", len(lines))
        self.lost.append(
            f"everything after line {len(lines)} of {self._file}; the last that was read is "
            f"{self._last}"
        )

    def _line(self, number: int, depth: int, text: str) -> None:
        if depth >= _FIELD:
            if self._block is None:
                self._open("", number)
            self._add(text)
        elif depth == _DOCUMENT:
            self._close(number)
            if not text.startswith("}"):
                self._open(_name(text), number)
        elif depth == _TABLE:
            self._close(number - 1)
            self._table = "" if text.startswith("}") else _name(text)
            self._sure = bool(self._table) and not _ESCAPED.search(self._table)
        elif depth == _HEAD:
            self._close(number - 1)
            self._complete = self._complete or text.startswith(('"crc32"', "}"))
            if match := _NUMBER.fullmatch(text):
                setattr(self, match[1], int(match[2]))
        elif text.strip("{}\r"):  # the document it is in, if any, is spoilt
            self._add(text)

    def _open(self, number: str, line: int) -> None:
        self._block, self._number, self._start = [], number, line

    def _add(self, text: str) -> None:
        if self._block is not None:
            self._block.append(text)

    def _close(self, line: int) -> None:
        """Take the document that ends here."""
        block, self._block = self._block, None
        if block is None or not (block or self._number.isdecimal()):
            return
        try:
            text = "\n".join(block)
            text.encode()  # no UTF-8: damaged
            document: Any = json.loads("{" + text.strip().rstrip(",") + "}")
        except (ValueError, RecursionError):
            self._add_lost(block, "cannot be read", line)
            return
        table = self._table if self._sure else _guessed(document) or self._table
        if table:
            self._last = f"document {self._number or '(no number)'} of table {table}"
            self.documents.append((table, self._number, document, self._last))
        else:
            self._add_lost(block, "its table is not known", line)

    def _add_lost(self, block: list[str], why: str, line: int) -> None:
        named = ", ".join(match[1] for match in _NAME.finditer("\n".join(block)))
        self.lost.append(
            f"document {self._number or '(no number)'} of table {self._table or '(unknown)'}"
            f"{f' ({named})' if named else ''}: {why}, "
            f"{self._file} lines {self._start}-{line}"
        )


def _indented(line: str) -> tuple[int, str]:
    """Return how far a line is indented, and the rest; one odd character among blanks is one."""
    text = line.lstrip(" ")
    depth = len(line) - len(text)
    if text[1:2] == " " and depth < _FIELD:
        text = text[1:].lstrip(" ")
        depth = len(line) - len(text)
    if depth % 2:
        depth, text = depth + 1, text[1:]
    return depth, text


def _name(text: str) -> str:
    """Return the name a line begins with, as far as it can be read."""
    if match := _QUOTED.match(text):
        with suppress(ValueError):
            return str(json.loads(match[0]))
    match = re.search(r"\w+", text)
    return match[0] if match else ""


def _guessed(document: JSONDict) -> str:
    """Return the table a document looks like being of; empty where it looks like none."""
    if document.keys() == {"name", "value"}:
        return "settings"
    marks = {"jobId": "versions", "profile": "users", "agentId": "jobs"}
    return next((table for mark, table in marks.items() if mark in document), "")


KNOWN: Final = ("jobs", "versions", "users", "settings")
_OURS: Final = ("version", "commit", "crc32")
_NAMED: Final = 50  # losses that are named one by one


@dataclass(slots=True)
class Snapshot:
    """The content of a snapshot file: the tables as of ``commit``, and what could not be read."""

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
    if not (_is_count(version) and 1 <= version <= VERSION and isinstance(tables, dict)):
        return _changed(path, data, commit)
    if not _holds(data):
        return _changed(path, data, commit)
    return Snapshot(version, commit, tables)


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
    finding = (
        f"{path.name} was changed outside the kit, or damaged (its checksum does not match); "
        "what it says is used as it stands"
    )
    found = Snapshot(commit=commit, findings=[finding], damaged=True)
    lost: list[str] = []
    for table, documents in tables.items():
        if table not in KNOWN:
            found.findings.append(f"{path.name} has a table {table!r}, none of the kit's own")
        if not isinstance(documents, dict):
            lost.append(f"table {table} (no JSON object)")
            continue
        for number, document in documents.items():
            _keep(found, lost, (table, number, document, f"document {number} of table {table}"))
    _report_lost(found, lost)
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
    finding = f"{path.name} is damaged ({problem}); every readable document is kept"
    found = Snapshot(layout.version, layout.commit, findings=[finding], damaged=True)
    times = Counter((table, number) for table, number, *_ in layout.documents)
    for table, number, document, where in layout.documents:
        sure = number if times[table, number] == 1 else ""
        _keep(found, layout.lost, (table, sure, document, where))
    _report_lost(found, layout.lost)
    return found


def _keep(found: Snapshot, lost: list[str], read: tuple[str, str, Any, str]) -> None:
    table, number, document, where = read
    if not isinstance(document, dict):
        lost.append(f"{where} (no JSON object)")
    elif is_deeper(document, DEEPEST):
        lost.append(f"{where} (nested too deep)")
    elif number.isascii() and number.isdecimal() and number == str(int(number[:18])):
        found.tables.setdefault(table, {})[number] = document
    else:
        found.unnumbered.append((table, document))


def _report_lost(found: Snapshot, lost: list[str]) -> None:
    found.findings += [f"lost: {each}" for each in lost[:_NAMED]]
    if len(lost) > _NAMED:
        found.findings.append(f"lost: {len(lost) - _NAMED} more, as those before")
