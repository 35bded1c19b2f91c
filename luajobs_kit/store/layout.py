"""A broken snapshot, read by its layout: a line a field, and how far lines are indented.

A flipped bit can make any character another one, so nothing here depends on a single one:
what a line is follows from its indentation, one odd character in it allowed.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any, Final

from luajobs_kit.store.definitions.journal_format import JSONDict
from luajobs_kit.store.definitions.snapshot import VERSION

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
        self._sure = True  # that what follows is of this table
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
            self._tell(self._block, "cut short", len(lines))
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
            self._tell(block, "cannot be read", line)
            return
        table = self._table if self._sure else _guessed(document) or self._table
        if table:
            self._last = f"document {self._number or '(no number)'} of table {table}"
            self.documents.append((table, self._number, document, self._last))
        else:
            self._tell(block, "its table is not known", line)

    def _tell(self, block: list[str], why: str, line: int) -> None:
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
