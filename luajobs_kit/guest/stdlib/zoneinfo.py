"""The ``ZoneInfo`` of job code."""

from __future__ import annotations

from typing import Self
from zoneinfo._zoneinfo import ZoneInfo as _ZoneInfo  # type: ignore[import-not-found]

from luajobs_kit.guest.guards.sealed import closed


class ZoneInfo(_ZoneInfo):  # type: ignore[misc]  # mypy knows the other one only
    """The library's in Python, which does what the one in C does.

    That one goes by what a job gives it in its own memory: it reads whatever passes for a
    datetime as if it were one, believes a file, and goes through a list of zones that a key
    may change while it is compared.
    """

    __slots__ = ()

    def __new__(cls, key: str) -> Self:
        """Return the zone of this name, the same one as long as somebody holds it."""
        if type(key) is not str:
            raise TypeError(f"a time zone's key is text, not {type(key).__name__!r}")
        return super().__new__(cls, key)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"zoneinfo.ZoneInfo(key={self.key!r})"


ZoneInfo.__module__ = "zoneinfo"
for _name in ("clear_cache", "from_file", "no_cache"):
    # Of job code's one class alone, wherever it is taken from: compared, a class method shows
    # its function, which writes to what another class makes.
    setattr(_ZoneInfo, _name, staticmethod(closed(getattr(ZoneInfo, _name))))
