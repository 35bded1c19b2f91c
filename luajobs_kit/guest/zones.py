"""The ``ZoneInfo`` of job code."""

from __future__ import annotations

import zoneinfo
from typing import Self


class ZoneInfo(zoneinfo.ZoneInfo):
    """The library's, looked up by plain text only.

    A key that runs code while it is compared could change the library's list of the zones
    used last under its very look-up, which is C. That list is of the library's own class.
    """

    __slots__ = ()

    def __new__(cls, key: str) -> Self:
        """Return the zone of this name, the same one as long as somebody holds it."""
        if type(key) is not str:
            raise TypeError(f"a time zone's key is text, not {type(key).__name__!r}")
        return super().__new__(cls, key)

    def __repr__(self) -> str:
        return f"zoneinfo.ZoneInfo(key={self.key!r})"


ZoneInfo.__module__ = "zoneinfo"
