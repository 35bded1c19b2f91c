"""``ZoneInfo`` in job code, and the time zones' data kept in memory."""

from __future__ import annotations

import importlib
import zoneinfo
from io import BytesIO
from typing import Any, Self
from zoneinfo._zoneinfo import ZoneInfo as _ZoneInfo  # type: ignore[import-not-found]

import tzdata  # type: ignore[import-untyped]  # it holds data, and one constant

from luajobs_kit.guest.guards.sealed import opaque

_zones: dict[str, bytes] = {}


class ZoneInfo(_ZoneInfo):  # type: ignore[misc]  # mypy knows the other one only
    """The library's in Python, which does what the one in C does.

    A11: the one in C reads whatever passes for a datetime as if it were one, trusts the contents of a
    file, and walks a list of zones that a key may change while it is compared.
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
    # A1: compared, a class method shows its function. A3: that function writes to whatever the class
    # it is called with makes. So both classes have functions bound to job code's class.
    setattr(_ZoneInfo, _name, staticmethod(opaque(getattr(ZoneInfo, _name))))


def load_zones() -> None:
    """Keep the time zones' data in memory (half a megabyte) and let ``zoneinfo`` read it there."""
    if _zones:
        return
    same: dict[bytes, bytes] = {}
    # Read as plain files: ``importlib.resources`` brings archives, temporary files and
    # threads with it, which every child would carry.
    [root] = tzdata.__path__
    with open(f"{root}/zones", encoding="utf-8") as file:  # noqa: PTH123  # pathlib is more than a child needs
        names = file.read().split()
    for name in names:
        with open(f"{root}/zoneinfo/{name}", "rb") as file:  # noqa: PTH123  # likewise
            data = file.read()
        _zones[name] = same.setdefault(data, data)
    common: Any = importlib.import_module("zoneinfo._common")
    common.load_tzdata = _zone_file
    zoneinfo.reset_tzpath(to=())


def _zone_file(key: str) -> BytesIO:
    if key not in _zones:
        raise zoneinfo.ZoneInfoNotFoundError(f"No time zone found with key {key}")
    return BytesIO(_zones[key])


def available_timezones() -> set[str]:
    """Return the names of all time zones."""
    return set(_zones) or zoneinfo.available_timezones()
