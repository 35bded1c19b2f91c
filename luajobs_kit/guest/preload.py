"""What Python loads lazily, loaded before the walls go up."""

from __future__ import annotations

import codecs
import contextlib
import importlib
import types
import zoneinfo
from io import BytesIO
from typing import Any, Final

import tzdata  # type: ignore[import-untyped]  # it holds data, and one constant

from luajobs_kit.guest import allowlist
from luajobs_kit.guest.stdlib import patches as job_patches

CODECS: Final = [
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "ascii",
    "latin-1",
    "cp1252",
    "cp437",
    "iso8859-15",
    "mbcs",
    "idna",
    "punycode",
    "unicode-escape",
    "raw-unicode-escape",
    "rot13",
    "hex",
    "base64",
]

HIDDEN: Final = (
    "_strptime", "annotationlib", "copyreg", "encodings.idna", "stringprep", "unicodedata", "warnings"
)  # fmt: skip
"""Modules that other modules import when first asked for something; some Pythons have not all."""

_OF_THE_LIBRARY: Final = [
    name for name in allowlist.MODULES if name not in {"asyncio", "luajobs_kit"}
]

_zones: dict[str, bytes] = {}


def load_lazy_parts() -> None:
    """Import, look up and touch all of it once."""
    for name in HIDDEN:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
    for codec in CODECS:
        try:
            codecs.lookup(codec)
        except LookupError:
            continue  # of another platform
    import time  # noqa: PLC0415  # touched only

    time.strptime("2000-01-01", "%Y-%m-%d")
    _load_zones()
    job_patches.install()


def resolve_lazy_imports() -> None:
    """Have the library's own ``lazy import`` lines done, which Python 3.15 leaves for later."""
    lazy: Any = getattr(types, "LazyImportType", None)
    modules = [] if lazy is None else [importlib.import_module(name) for name in _OF_THE_LIBRARY]
    for module in modules:
        for name in [each for each, value in vars(module).items() if type(value) is lazy]:
            getattr(module, name)


def _load_zones() -> None:
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
