"""What exists where jobs run, as the catalog of the guest world has it."""

from __future__ import annotations

import builtins
from typing import Final

from luajobs_kit.guest.catalog import KIT_NAMES as _KIT_NAMES
from luajobs_kit.guest.catalog import MODULES, OUT_OF_REACH_NAMES

KIT: Final = "luajobs_kit"
KIT_NAMES: Final = frozenset(_KIT_NAMES)

_ABSENT: Final = frozenset(OUT_OF_REACH_NAMES) | {
    "copyright",
    "credits",
    "delattr",
    "dir",
    "license",
    "memoryview",
    "vars",
}
BUILTINS: Final = frozenset(
    {name for name in dir(builtins) if not name.startswith("_") and name not in _ABSENT}
    | {"__name__", "__build_class__"}
)


def has_module(name: str) -> bool:
    """Tell whether job code may import the module."""
    return name in MODULES


def has_member(module: str, member: str) -> bool:
    """Tell whether the module has the member inside."""
    return member in MODULES.get(module, ())
