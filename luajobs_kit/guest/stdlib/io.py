"""``io`` of job code: files in memory, with methods of their own around the library's."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any, Self

from luajobs_kit.guest.guards.sealed import Frozen
from luajobs_kit.guest.stdlib.exact_arguments import data, text, whole

SEEK_SET, SEEK_CUR, SEEK_END = io.SEEK_SET, io.SEEK_CUR, io.SEEK_END


class _InMemory(Frozen):
    __slots__ = ("_file",)

    _file: Any

    def read(self, size: int | None = -1, /) -> Any:
        return self._file.read(_size(size))

    def readline(self, size: int | None = -1, /) -> Any:
        return self._file.readline(_size(size))

    def readlines(self, hint: int | None = -1, /) -> list[Any]:
        return list(self._file.readlines(_size(hint)))

    def getvalue(self) -> Any:
        return self._file.getvalue()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return int(self._file.seek(whole(offset), whole(whence)))

    def tell(self) -> int:
        return int(self._file.tell())

    def truncate(self, size: int | None = None, /) -> int:
        return int(self._file.truncate(None if size is None else whole(size)))

    def write(self, given: Any, /) -> int:
        raise NotImplementedError

    def writelines(self, lines: Iterable[Any], /) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    @property
    def closed(self) -> bool:
        return bool(self._file.closed)

    def isatty(self) -> bool:
        return False

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        return next(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class StringIO(_InMemory):
    """A text file in memory."""

    __slots__ = ()

    def __init__(self, initial_value: str | None = "", newline: str | None = "\n") -> None:
        line_end = None if newline is None else text(newline)
        self._file = io.StringIO("" if initial_value is None else text(initial_value), line_end)

    def write(self, given: str, /) -> int:
        return int(self._file.write(text(given)))


class BytesIO(_InMemory):
    """A file of bytes in memory."""

    __slots__ = ()

    def __init__(self, initial_bytes: Any = b"") -> None:
        self._file = io.BytesIO(b"" if initial_bytes is None else data(initial_bytes))

    def write(self, given: Any, /) -> int:
        return int(self._file.write(data(given)))


def _size(size: int | None) -> int:
    return -1 if size is None else whole(size)
