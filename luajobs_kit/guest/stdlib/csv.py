"""``csv`` of job code: the library's reader and writer, around which no object of a job's is called.

A11: the library's reader, asked for a row while it asks a job's iterator for a line, writes to a list
that is gone. So lines are fetched, and fields made text, outside of it.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from types import NoneType
from typing import Any, Final, Self

from luajobs_kit.guest.guards.read import read
from luajobs_kit.guest.guards.sealed import Frozen, HostMade, make
from luajobs_kit.guest.stdlib.exact_arguments import plain, text

Error = csv.Error
QUOTE_ALL, QUOTE_MINIMAL = csv.QUOTE_ALL, csv.QUOTE_MINIMAL
QUOTE_NONE, QUOTE_NONNUMERIC = csv.QUOTE_NONE, csv.QUOTE_NONNUMERIC
if sys.version_info >= (3, 12):
    QUOTE_NOTNULL, QUOTE_STRINGS = csv.QUOTE_NOTNULL, csv.QUOTE_STRINGS
excel, excel_tab, unix_dialect = "excel", "excel-tab", "unix"

_AS_THEY_ARE: Final = {int, float, bool, NoneType, Decimal, Fraction}


class Sniffed(HostMade):
    """A dialect that ``Sniffer`` found."""

    __slots__ = ("_options",)

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options

    @property
    def delimiter(self) -> str:
        return str(self._options["delimiter"])

    @property
    def quotechar(self) -> str:
        return str(self._options["quotechar"])


class Sniffer(Frozen):
    """Finds out by a sample which characters separate and quote."""

    __slots__ = ()

    def sniff(self, sample: str, delimiters: str | None = None) -> Sniffed:
        limits = None if delimiters is None else text(delimiters)
        found: Any = csv.Sniffer().sniff(text(sample), limits)
        listed = ("delimiter", "quotechar", "doublequote", "skipinitialspace", "lineterminator")
        return make(Sniffed, {name: getattr(found, name) for name in listed})

    def has_header(self, sample: str) -> bool:
        return csv.Sniffer().has_header(text(sample))


class Reader(HostMade):
    """Rows of lines of text, as lists."""

    __slots__ = ("_is_asking", "_lines", "_real")

    def __init__(self, lines: Any, options: dict[str, Any]) -> None:
        self._lines = iter(lines)
        self._is_asking = False
        self._real = csv.reader(self._fetched(), **options)

    def _fetched(self) -> Iterator[str]:
        while True:
            self._is_asking = True
            try:
                line = next(self._lines)
            except StopIteration:
                return
            finally:
                self._is_asking = False
            if not issubclass(type(line), str):
                raise Error(f"iterator should return strings, not {type(line).__name__}")
            yield text(line)

    @property
    def line_num(self) -> int:
        return self._real.line_num

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> list[Any]:
        if self._is_asking:
            raise Error("the lines of a csv.reader cannot ask it for a row")
        return next(self._real)


def reader(iterable: Iterable[str], /, dialect: Any = "excel", **options: Any) -> Reader:
    """Read rows from a file in memory, a list of lines, or ``text.splitlines()``."""
    return make(Reader, iterable, _options(dialect, options))


class Writer(HostMade):
    """Writes rows to what has a ``write``."""

    __slots__ = ("_file", "_real", "_written")

    def __init__(self, file: Any, options: dict[str, Any]) -> None:
        read(file, "write")  # raises where there is none
        self._file = file
        self._written: list[str] = []
        self._real = csv.writer(_Kept(self._written), **options)

    def writerow(self, row: Iterable[Any], /) -> Any:
        fields = [_field(each) for each in row]
        self._real.writerow(fields)
        line = "".join(self._written)
        self._written.clear()
        return read(self._file, "write")(line)

    def writerows(self, rows: Iterable[Iterable[Any]], /) -> None:
        for row in rows:
            self.writerow(row)


class _Kept:
    """What the library writes to."""

    def __init__(self, parts: list[str]) -> None:
        self.write = parts.append


def writer(csvfile: Any, /, dialect: Any = "excel", **options: Any) -> Writer:
    """Write rows to a file in memory: ``io.StringIO()``."""
    return make(Writer, csvfile, _options(dialect, options))


class DictReader(Frozen):
    """Rows of lines of text, as dicts by the names in the first."""

    __slots__ = ("_names", "_reader", "_restkey", "_restval")

    def __init__(
        self,
        f: Iterable[str],
        fieldnames: Iterable[Any] | None = None,
        restkey: Any = None,
        restval: Any = None,
        dialect: Any = "excel",
        **options: Any,
    ) -> None:
        self._names = None if fieldnames is None else list(fieldnames)
        self._restkey, self._restval = restkey, restval
        self._reader = reader(f, dialect, **options)

    @property
    def fieldnames(self) -> list[Any] | None:
        if self._names is None:
            self._names = next(self._reader, None)
        return self._names

    @property
    def line_num(self) -> int:
        return self._reader.line_num

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> dict[Any, Any]:
        names = self.fieldnames or []
        row = next(self._reader)
        while not row:  # an empty line
            row = next(self._reader)
        found: dict[Any, Any] = dict(zip(names, row, strict=False))
        if len(row) > len(names):
            found[self._restkey] = row[len(names) :]
        for name in names[len(row) :]:
            found[name] = self._restval
        return found


class DictWriter(Frozen):
    """Writes dicts as rows."""

    __slots__ = ("_ignores", "_names", "_restval", "_writer")

    def __init__(
        self,
        f: Any,
        fieldnames: Iterable[Any],
        restval: Any = "",
        extrasaction: str = "raise",
        dialect: Any = "excel",
        **options: Any,
    ) -> None:
        action = text(extrasaction).lower()
        if action not in {"raise", "ignore"}:
            raise ValueError(f"extrasaction ({action}) must be 'raise' or 'ignore'")
        self._ignores = action == "ignore"
        self._names = list(fieldnames)
        self._restval = restval
        self._writer = writer(f, dialect, **options)

    @property
    def fieldnames(self) -> list[Any]:
        return self._names

    def writeheader(self) -> Any:
        return self._writer.writerow(self._names)

    def writerow(self, rowdict: Any) -> Any:
        if not self._ignores and (wrong := [key for key in rowdict if key not in self._names]):
            named = ", ".join([repr(key) for key in wrong])
            raise ValueError(f"dict contains fields not in fieldnames: {named}")
        row = [rowdict.get(name, self._restval) for name in self._names]
        return self._writer.writerow(row)

    def writerows(self, rowdicts: Iterable[Any]) -> None:
        for each in rowdicts:
            self.writerow(each)


def _field(value: Any) -> Any:
    return value if type(value) in _AS_THEY_ARE else text(str(value))


def _options(dialect: Any, given: dict[str, Any]) -> dict[str, Any]:
    options = {text(name): plain(value) for name, value in given.items()}
    if type(dialect) is Sniffed:
        return {**dialect._options, **options}  # noqa: SLF001  # one role in a class and a function
    if not issubclass(type(dialect), str):
        raise TypeError(
            "dialect is 'excel', 'excel-tab' or 'unix', or what csv.Sniffer().sniff(text) found; for "
            "others give delimiter=…, quotechar=… and the like"
        )
    return {"dialect": text(dialect), **options}
