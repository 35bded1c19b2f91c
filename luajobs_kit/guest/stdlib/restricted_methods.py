"""Methods of the library restricted to instances of their own class (A7).

Taken from a class, or shown by a comparison (A1), such a method would write to whatever object it
is given, step it, or call its class.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from luajobs_kit.guest.guards.sealed import for_instances


def restricted_to(kind: type) -> Callable[[Any], Any]:
    """Return what restricts a method or property to instances of ``kind``."""

    def restrict(known: Any) -> Any:
        if type(known) is not property:
            return for_instances(known, kind)
        getter: Any = known.fget
        setter: Any = known.fset and for_instances(known.fset, kind)
        return property(for_instances(getter, kind), setter)

    return restrict


def rebind_random(names: Iterable[str]) -> None:
    """Bind these methods anew that the module ``random`` offers as functions of one generator."""
    module: Any = random
    for name in names:
        setattr(module, name, getattr(module._inst, name))  # noqa: SLF001  # it has no other name
