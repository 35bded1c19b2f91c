"""One replacement of something in the standard library, and why it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

OLDEST: Final = (3, 11)
NEWEST: Final = (3, 15)

# Classes of attacks, in words that ``docs/sandbox.md`` shows.
COMPARISON: Final = "comparison leak: what is compared with a job's object is shown to it"
CACHE: Final = "cache leak: what is kept for whoever asks next is looked up by comparing"
NEW: Final = "a class that lies about what it makes: what its __new__ gave is written to"
OTHER: Final = "an unbound method: it writes to, or reads, whatever object it is given"
TEXT: Final = "a name that lies: text of a job's class says itself what it equals"
EVALUATED: Final = "text that is evaluated: names in it are looked up in the library's modules"


@dataclass(frozen=True, slots=True)
class Patch:
    """``place`` is ``module:name.of.it``; ``replace`` gives what stands there from what stood.

    ``case`` is a hostile case that gets through without it, as ``family: title``.
    """

    place: str
    why: str
    case: str
    replace: Callable[[Any], Any]
    since: tuple[int, int] = OLDEST
    until: tuple[int, int] = NEWEST

    def is_for(self, version: tuple[int, ...]) -> bool:
        return self.since <= version <= self.until
