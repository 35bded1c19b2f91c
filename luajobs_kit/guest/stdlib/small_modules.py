"""Functions of small modules, given plain copies of their arguments (see ``exact_arguments.py``)."""

from __future__ import annotations

import ast
import email.utils
import fnmatch
import gzip
import pprint
import shlex
import struct
import tomllib
import zlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from luajobs_kit.guest.guards.read import read
from luajobs_kit.guest.runtime.run import current
from luajobs_kit.guest.stdlib.exact_arguments import data, plain, text, whole

LONGEST_LITERAL: Final = 200_000  # characters
LARGEST_UNPACKED: Final = 64 << 20  # bytes

# ast


def literal_eval(node_or_string: str) -> Any:
    """Return the value that a text of literals stands for."""
    given = text(node_or_string)
    if len(given) > LONGEST_LITERAL:
        raise ValueError(f"literal_eval reads {LONGEST_LITERAL:,} characters at most; use JSON")
    return ast.literal_eval(given)


# email.utils


def formataddr(pair: Any, charset: str = "utf-8") -> str:
    name, address = pair
    return email.utils.formataddr(
        (None if name is None else text(name), text(address)), text(charset)
    )


def formatdate(timeval: Any = None, localtime: Any = False, usegmt: Any = False) -> str:  # noqa: FBT002  # the library's signature
    seconds = current().clock.now() if timeval is None else float(timeval)
    return email.utils.formatdate(seconds, bool(localtime), bool(usegmt))


def parsedate_to_datetime(data: str) -> datetime:
    found = email.utils.parsedate_to_datetime(text(data))
    return current().datetime.combine(found.date(), found.timetz())


def format_datetime(dt: Any, usegmt: Any = False) -> str:  # noqa: FBT002  # likewise
    if not issubclass(type(dt), datetime):
        raise TypeError(f"a datetime is needed, not {type(dt).__name__!r}")
    exact = datetime.combine(datetime.date(dt), datetime.timetz(dt))
    return email.utils.format_datetime(exact, bool(usegmt))


def getaddresses(fieldvalues: Iterable[str]) -> list[tuple[str, str]]:
    return email.utils.getaddresses([text(each) for each in fieldvalues])


def _of_text(library: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of the library that is given exact texts."""

    def function(*given: Any) -> Any:
        return library(*[text(each) for each in given])

    function.__name__ = function.__qualname__ = library.__name__
    function.__doc__ = library.__doc__
    return function


# fnmatch


def filter_names(names: Iterable[str], pat: str) -> list[str]:
    return fnmatch.filter([text(each) for each in names], text(pat))


# pprint


def pformat(
    object: Any,  # likewise
    indent: int = 1,
    width: int = 80,
    depth: int | None = None,
    *,
    compact: bool = False,
    sort_dicts: bool = True,
    underscore_numbers: bool = False,
) -> str:
    return pprint.pformat(
        _shown(object, ()),
        whole(indent),
        whole(width),
        plain(depth),
        compact=bool(compact),
        sort_dicts=bool(sort_dicts),
        underscore_numbers=bool(underscore_numbers),
    )


def pprint_(object: Any, stream: Any = None, *args: Any, **options: Any) -> None:  # likewise
    """Print a value to the run's log, a line for each part of a long one."""
    written = pformat(object, *args, **options) + "\n"
    if stream is None:
        current().write(written)
    else:
        read(stream, "write")(written)


def pp(object: Any, *args: Any, sort_dicts: bool = False, **options: Any) -> None:  # likewise
    pprint_(object, *args, sort_dicts=sort_dicts, **options)


pprint_.__name__ = pprint_.__qualname__ = "pprint"


class _Shown:
    """A value's text. A1: the library finds a printer by an object's ``__repr__``."""

    def __init__(self, shown: str) -> None:
        self._shown = shown

    def __repr__(self) -> str:
        return self._shown


_AS_THEY_ARE: Final = {str, int, float, bool, complex, bytes, type(None)}
_DICTS: Final = {dict, OrderedDict, Counter}
_ROWS: Final = {list, tuple, set, frozenset}
_DEEPEST: Final = 100


def _shown(value: Any, around: tuple[int, ...]) -> Any:
    kind: Any = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if id(value) in around:
        return _Shown(f"<Recursion on {kind.__name__} with id={id(value)}>")
    if len(around) < _DEEPEST:
        around = (*around, id(value))
        if kind in _DICTS and not (
            kind is Counter and any(type(n) is not int for n in value.values())
        ):
            items = [*dict.items(value)]
            return kind({_shown(key, around): _shown(each, around) for key, each in items})
        if kind in _ROWS:
            return kind([_shown(each, around) for each in kind.__iter__(value)])
    return _Shown(_repr(value))


def _repr(value: Any) -> str:
    return str.__str__(repr(value))


# shlex


def split(s: str, comments: Any = False, posix: Any = True) -> list[str]:  # noqa: FBT002  # likewise
    return shlex.split(text(s), bool(comments), bool(posix))


def join(split_command: Iterable[str]) -> str:
    return shlex.join([text(each) for each in split_command])


# struct


def pack(format: str, /, *values: Any) -> bytes:  # likewise
    return struct.pack(_layout(format), *[_packed(each) for each in values])


def pack_into(format: str, buffer: Any, offset: int, /, *values: Any) -> None:  # likewise
    exact = [_packed(each) for each in values]
    if type(buffer) is not bytearray:
        raise TypeError(f"a bytearray is needed, not {type(buffer).__name__!r}")
    struct.pack_into(_layout(format), buffer, whole(offset), *exact)


def unpack(format: str, buffer: Any, /) -> tuple[Any, ...]:  # likewise
    return struct.unpack(_layout(format), data(buffer))


def unpack_from(format: str, /, buffer: Any, offset: int = 0) -> tuple[Any, ...]:  # likewise
    return struct.unpack_from(_layout(format), data(buffer), whole(offset))


def iter_unpack(format: str, buffer: Any, /) -> Iterator[tuple[Any, ...]]:  # likewise
    return iter(list(struct.iter_unpack(_layout(format), data(buffer))))


def calcsize(format: str, /) -> int:  # likewise
    return struct.calcsize(_layout(format))


def _layout(given: Any) -> str:
    return text(given) if issubclass(type(given), str) else data(given).decode("ascii")


def _packed(value: Any) -> Any:
    kind = type(value)
    if kind in {int, float, bool, bytes}:
        return value
    if issubclass(kind, int):
        return whole(value)
    if issubclass(kind, bytes | bytearray):
        return data(value)
    if issubclass(kind, str) or not hasattr(kind, "__float__"):
        return whole(value) if hasattr(kind, "__index__") else None  # which struct refuses
    return float(value)


# tomllib


def loads(s: str, /, *, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    return tomllib.loads(text(s), parse_float=parse_float)


def load(fp: Any, /, *, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    return loads(data(read(fp, "read")()).decode(), parse_float=parse_float)


# zlib and gzip


def compress(data_: Any, /, level: int = -1, wbits: int = 15) -> bytes:
    return zlib.compress(data(data_), whole(level), whole(wbits))


def decompress(data_: Any, /, wbits: int = 15, bufsize: int = 0) -> bytes:  # noqa: ARG001  # likewise
    """Return what was compressed, of 64 MiB at most."""
    unpacker = zlib.decompressobj(whole(wbits))
    found = unpacker.decompress(data(data_), LARGEST_UNPACKED)
    _check_size(unpacker)
    if not unpacker.eof:
        raise zlib.error("Error -5 while decompressing data: incomplete or truncated stream")
    return found


def gzip_compress(data_: Any, compresslevel: int = 9, *, mtime: Any = 0) -> bytes:
    return gzip.compress(
        data(data_), whole(compresslevel), mtime=0 if mtime is None else float(mtime)
    )


def gzip_decompress(data_: Any) -> bytes:
    """Return what was compressed, of 64 MiB at most."""
    left, parts, size = data(data_), [], 0
    while left:
        unpacker = zlib.decompressobj(31)
        try:
            found = unpacker.decompress(left, LARGEST_UNPACKED - size + 1)
        except zlib.error as error:
            raise gzip.BadGzipFile(f"Not a gzipped file ({error})") from None
        size += len(found)
        if size > LARGEST_UNPACKED:
            raise ValueError(_TOO_LARGE)
        if not unpacker.eof:
            raise EOFError("Compressed file ended before the end-of-stream marker was reached")
        parts.append(found)
        left = unpacker.unused_data.lstrip(b"\0")
    return b"".join(parts)


def _check_size(unpacker: Any) -> None:
    if unpacker.unconsumed_tail:
        raise ValueError(_TOO_LARGE)


_TOO_LARGE: Final = f"what was compressed is larger than {LARGEST_UNPACKED >> 20} MiB"


def _checksum(library: Callable[..., int], start: int) -> Callable[..., int]:
    def function(given: Any, value: int = start, /) -> int:
        return library(data(given), whole(value))

    function.__name__ = function.__qualname__ = library.__name__
    return function


for _theirs, _name in (
    (gzip_compress, "compress"),
    (gzip_decompress, "decompress"),
    (filter_names, "filter"),
):
    _theirs.__name__ = _theirs.__qualname__ = _name

GIVEN: Final[dict[str, dict[str, Any]]] = {
    "ast": {"literal_eval": literal_eval},
    "email.utils": {
        "format_datetime": format_datetime,
        "formataddr": formataddr,
        "formatdate": formatdate,
        "getaddresses": getaddresses,
        "parseaddr": _of_text(email.utils.parseaddr),
        "parsedate": _of_text(email.utils.parsedate),
        "parsedate_to_datetime": parsedate_to_datetime,
        "parsedate_tz": _of_text(email.utils.parsedate_tz),
        "quote": _of_text(email.utils.quote),
        "unquote": _of_text(email.utils.unquote),
    },
    "fnmatch": {
        "filter": filter_names,
        "fnmatch": _of_text(fnmatch.fnmatch),
        "fnmatchcase": _of_text(fnmatch.fnmatchcase),
        "translate": _of_text(fnmatch.translate),
    },
    "gzip": {"compress": gzip_compress, "decompress": gzip_decompress},
    "pprint": {"pformat": pformat, "pp": pp, "pprint": pprint_},
    "shlex": {"join": join, "quote": _of_text(shlex.quote), "split": split},
    "struct": {
        "calcsize": calcsize,
        "iter_unpack": iter_unpack,
        "pack": pack,
        "pack_into": pack_into,
        "unpack": unpack,
        "unpack_from": unpack_from,
    },
    "tomllib": {"load": load, "loads": loads},
    "zlib": {
        "adler32": _checksum(zlib.adler32, 1),
        "compress": compress,
        "crc32": _checksum(zlib.crc32, 0),
        "decompress": decompress,
    },
}
"""Names that stand in the place of the library's, by module."""
