"""``pathlib`` of job code: pure paths, which cut up and join names and open nothing."""

from __future__ import annotations

import pathlib
from typing import Any

from luajobs_kit.guest.guards.sealed import Frozen
from luajobs_kit.guest.stdlib.exact_arguments import plain, text


class PurePosixPath(Frozen):
    """A name of a file, with ``/`` between its parts, around the library's own."""

    __slots__ = ("_real",)

    def __init__(self, *pathsegments: Any) -> None:
        self._real = pathlib.PurePosixPath(*map(_segment, pathsegments))

    @property
    def name(self) -> str:
        return self._real.name

    @property
    def stem(self) -> str:
        return self._real.stem

    @property
    def suffix(self) -> str:
        return self._real.suffix

    @property
    def suffixes(self) -> list[str]:
        return self._real.suffixes

    @property
    def parts(self) -> tuple[str, ...]:
        return self._real.parts

    @property
    def parent(self) -> PurePosixPath:
        return PurePosixPath(str(self._real.parent))

    @property
    def parents(self) -> tuple[PurePosixPath, ...]:
        return tuple(PurePosixPath(str(each)) for each in self._real.parents)

    @property
    def anchor(self) -> str:
        return self._real.anchor

    @property
    def root(self) -> str:
        return self._real.root

    @property
    def drive(self) -> str:
        return self._real.drive

    def as_posix(self) -> str:
        return str(self._real)

    def as_uri(self) -> str:
        return self._real.as_uri()

    def is_absolute(self) -> bool:
        return self._real.is_absolute()

    def is_relative_to(self, *other: Any) -> bool:
        return self._real.is_relative_to(_segment(PurePosixPath(*other)))

    def relative_to(self, *other: Any, **options: Any) -> PurePosixPath:
        given = {text(name): plain(value) for name, value in options.items()}
        found = self._real.relative_to(_segment(PurePosixPath(*other)), **given)
        return PurePosixPath(str(found))

    def joinpath(self, *pathsegments: Any) -> PurePosixPath:
        return PurePosixPath(self, *pathsegments)

    def match(self, path_pattern: Any) -> bool:
        return self._real.match(str(_segment(path_pattern)))

    def with_name(self, name: str) -> PurePosixPath:
        return PurePosixPath(str(self._real.with_name(text(name))))

    def with_stem(self, stem: str) -> PurePosixPath:
        return PurePosixPath(str(self._real.with_stem(text(stem))))

    def with_suffix(self, suffix: str) -> PurePosixPath:
        return PurePosixPath(str(self._real.with_suffix(text(suffix))))

    def __truediv__(self, other: Any) -> Any:
        return PurePosixPath(self, other) if _is_segment(other) else NotImplemented

    def __rtruediv__(self, other: Any) -> Any:
        return PurePosixPath(other, self) if _is_segment(other) else NotImplemented

    def __eq__(self, other: object) -> Any:
        return self._real == other._real if type(other) is PurePosixPath else NotImplemented

    def __lt__(self, other: object) -> Any:
        return self._real < other._real if type(other) is PurePosixPath else NotImplemented

    def __le__(self, other: object) -> Any:
        return self._real <= other._real if type(other) is PurePosixPath else NotImplemented

    def __hash__(self) -> int:
        return hash(self._real)

    def __str__(self) -> str:
        return str(self._real)

    def __repr__(self) -> str:
        return repr(self._real)


PurePath = PurePosixPath


def _is_segment(given: Any) -> bool:
    return type(given) is PurePosixPath or issubclass(type(given), str)


def _segment(given: Any) -> Any:
    return given._real if type(given) is PurePosixPath else text(given)  # noqa: SLF001  # one role in a class and a function
