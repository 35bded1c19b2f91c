"""Methods of the library that are kept to objects of their own class.

Taken from a class, or shown by a comparison, they would write to whatever they are given,
step it, or call its class.
"""

from __future__ import annotations

import calendar
import collections
import contextlib
import difflib
import hmac
import random
from typing import Any, Final

from luajobs_kit.guest.frozen import for_instances

_KEPT: Final[dict[Any, tuple[str, ...]]] = {
    calendar.Calendar: ("firstweekday", "setfirstweekday"),
    collections.ChainMap: ("copy", "new_child", "parents"),
    collections.Counter: ("copy",),
    collections.UserDict: ("copy",),
    collections.UserList: ("copy",),
    contextlib._GeneratorContextManager: ("__exit__",),  # noqa: SLF001  # it has no other name
    contextlib._AsyncGeneratorContextManager: ("__aexit__",),  # noqa: SLF001  # likewise
    contextlib.AsyncExitStack: ("__aexit__",),
    contextlib.ExitStack: ("__exit__",),
    difflib.SequenceMatcher: (
        "get_matching_blocks",
        "get_opcodes",
        "quick_ratio",
        "set_seq1",
        "set_seq2",
    ),
    hmac.HMAC: ("copy",),
    random.Random: ("gauss", "setstate"),
}
"""A stack gives a job's subclass what ends the contexts that are put on it."""


def install() -> None:
    """Keep them, in this process."""
    for kind, names in _KEPT.items():
        for name in names:
            known: Any = vars(kind)[name]
            if type(known) is property:
                getter: Any = known.fget
                setter: Any = known.fset and for_instances(known.fset, kind)
                setattr(kind, name, property(for_instances(getter, kind), setter))
            else:
                setattr(kind, name, for_instances(known, kind))
    one: Any = random
    for name in _KEPT[random.Random]:  # the module's own were bound before
        setattr(random, name, getattr(one._inst, name))  # noqa: SLF001  # it has no other name
