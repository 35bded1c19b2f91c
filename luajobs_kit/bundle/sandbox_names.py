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


def missing_member(module: str, chain: str) -> str | None:
    """Return by its whole name what ``chain`` (``alias.a.b``) reads of a module and jobs have not."""
    for part in chain.split(".")[1:]:
        if not has_module(f"{module}.{part}"):
            is_there = part.startswith("_") or has_member(module, part)
            return None if is_there else f"{module}.{part}"
        module = f"{module}.{part}"
    return None


def has_member(module: str, member: str) -> bool:
    """Tell whether the module has the member inside."""
    return member in MODULES.get(module, ())
