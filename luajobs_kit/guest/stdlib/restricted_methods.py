"""Methods of the library that are kept to objects of their own class.

Taken from a class, or shown by a comparison, they would write to whatever they are given,
step it, or call its class.
"""

from __future__ import annotations

import calendar
import collections
import difflib
import hmac
import random
from collections.abc import Callable
from typing import Any, Final

from luajobs_kit.guest.guards.sealed import for_instances
from luajobs_kit.guest.stdlib.patch import OTHER, Patch

_KEPT: Final[dict[Any, dict[str, str]]] = {
    calendar.Calendar: {
        "firstweekday": "making: writes to a function of the library by a setter of a calendar",
        "setfirstweekday": "making: writes to a class of the library by a method of a calendar",
    },
    collections.ChainMap: {
        "copy": "machinery: makes a class through the copy of a chain map",
        "new_child": "machinery: makes a class through the child of a chain map",
        "parents": "machinery: makes a class through the parents of a chain map",
    },
    collections.Counter: {"copy": "machinery: calls a counter's copy on a class"},
    collections.UserDict: {
        "copy": "machinery: buries the data of jobs under checks by a dictionary's copy"
    },
    collections.UserList: {
        "copy": "machinery: calls a collection's copy on a class, to be given its class"
    },
    difflib.SequenceMatcher: {
        "get_matching_blocks": "making: writes to a cache by the blocks that two sequences share",
        "get_opcodes": "making: writes to a cache by the opcodes of two sequences",
        "quick_ratio": "making: writes to a cache by the quick ratio of two sequences",
        "set_seq1": "making: writes to a cache by the setter of a first sequence",
        "set_seq2": "making: writes to a cache by the setter of a second sequence",
    },
    hmac.HMAC: {"copy": "making: has a keyed hash copied into a library's function"},
    random.Random: {
        "gauss": "making: writes to a cache by a number drawn",
        "setstate": "making: writes to a class by the state of a generator",
    },
}
"""By class and method, the case that gets through where it is not kept."""


def _kept_to(kind: type) -> Callable[[Any], Any]:
    def keep(known: Any) -> Any:
        if type(known) is not property:
            return for_instances(known, kind)
        getter: Any = known.fget
        setter: Any = known.fset and for_instances(known.fset, kind)
        return property(for_instances(getter, kind), setter)

    return keep


def bind_again() -> None:
    """Bind the methods anew that the module ``random`` has as functions."""
    one: Any = random
    for name in _KEPT[random.Random]:
        setattr(random, name, getattr(one._inst, name))  # noqa: SLF001  # it has no other name


PATCHES: Final = tuple(
    Patch(f"{kind.__module__}:{kind.__qualname__}.{name}", OTHER, case, _kept_to(kind))
    for kind, names in _KEPT.items()
    for name, case in names.items()
)
