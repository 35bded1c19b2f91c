"""Names that exist in the sandbox, from the guest's allowlist."""

from __future__ import annotations

from typing import Final

from luajobs_kit.guest.allowlist import KIT_NAMES as _KIT_NAMES
from luajobs_kit.guest.allowlist import MODULES
from luajobs_kit.guest.builtins import AS_THEY_ARE, EXCEPTIONS, GUARDED

KIT: Final = "luajobs_kit"
KIT_NAMES: Final = frozenset(_KIT_NAMES)

BUILTINS: Final = frozenset(
    {*AS_THEY_ARE, *GUARDED, *EXCEPTIONS, "__name__", "__build_class__", "__debug__"}
)


def has_module(name: str) -> bool:
    """Tell whether job code may import the module."""
    return name in MODULES


def has_member(module: str, member: str) -> bool:
    """Tell whether the module has the member inside."""
    return member in MODULES.get(module, ())
