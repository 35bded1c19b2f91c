"""The table of what job code is given of Python's library in another form, and ``install()``.

There are two kinds of replacement. A name in ``GIVEN`` stands in the frozen module that job code
imports; the library itself goes on using its own. A ``Patch`` is put into the library, because
library code would call the original on a job's behalf. A patch stands here only with a hostile
case that gets through without it: a test takes each out and runs its case. All are looked for
before any job is there, and one that a Python does not have ends the start with a message.
"""

from __future__ import annotations

import calendar
import collections
import contextlib
import difflib
import hmac
import importlib
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from luajobs_kit.guest.guards import ATTACKS
from luajobs_kit.guest.guards.sealed import for_instances
from luajobs_kit.guest.guards.type_object import Type
from luajobs_kit.guest.runtime.run import Run
from luajobs_kit.guest.stdlib import calendar as job_calendar
from luajobs_kit.guest.stdlib import collections as job_collections
from luajobs_kit.guest.stdlib import contextlib as job_contextlib
from luajobs_kit.guest.stdlib import copy as job_copy
from luajobs_kit.guest.stdlib import dataclasses as job_dataclasses
from luajobs_kit.guest.stdlib import datetime as job_datetime
from luajobs_kit.guest.stdlib import enum as job_enum
from luajobs_kit.guest.stdlib import functools as job_functools
from luajobs_kit.guest.stdlib import operator as job_operator
from luajobs_kit.guest.stdlib import random as job_random
from luajobs_kit.guest.stdlib import re as job_re
from luajobs_kit.guest.stdlib import restricted_methods as job_restricted_methods
from luajobs_kit.guest.stdlib import small_modules as job_small_modules
from luajobs_kit.guest.stdlib import typing as job_typing
from luajobs_kit.guest.stdlib import urllib_parse as job_urllib_parse
from luajobs_kit.guest.stdlib import zoneinfo as job_zoneinfo

GIVEN: Final[dict[str, dict[str, Any]]] = {
    **job_small_modules.GIVEN,
    "operator": {
        "attrgetter": job_operator.attrgetter,
        "methodcaller": job_operator.methodcaller,
    },
    "functools": {
        "lru_cache": job_functools.lru_cache,
        "update_wrapper": job_functools.update_wrapper,
        "wraps": job_functools.wraps,
        "total_ordering": job_functools.total_ordering,
        "singledispatch": job_functools.singledispatch,
        "singledispatchmethod": job_functools.singledispatchmethod,
        "partialmethod": job_functools.partialmethod,
    },
    "calendar": {"TextCalendar": job_calendar.TextCalendar},
    "collections": {"namedtuple": job_collections.namedtuple},
    "zoneinfo": {
        "ZoneInfo": job_zoneinfo.ZoneInfo,
        "available_timezones": job_zoneinfo.available_timezones,
    },
    "dataclasses": {"dataclass": job_dataclasses.dataclass, "field": job_dataclasses.field},
    "time": {"sleep": job_datetime.sleep},
    "copy": {"copy": job_copy.shallow_copy, "deepcopy": job_copy.deep_copy},
    "abc": {"abstractmethod": job_typing.abstractmethod},
    "typing": {
        "Type": Type,  # A1: the library's, compared with anything, shows it the real type
        "final": job_typing.final,
        "override": job_typing.override,
        "runtime_checkable": job_typing.runtime_checkable,
    },
    "enum": {
        "Enum": job_enum.Enum,
        "IntEnum": job_enum.IntEnum,
        "StrEnum": job_enum.StrEnum,
        "Flag": job_enum.Flag,
        "IntFlag": job_enum.IntFlag,
    },
}
"""Names of job code's modules that are ours, by module."""

SIMULATED: Final[dict[str, Callable[[Run], dict[str, Any]]]] = {
    "datetime": job_datetime.datetime_names,
    "random": job_random.random_names,
    "secrets": job_random.secrets_names,
    "time": job_datetime.time_names,
    "uuid": job_random.uuid_names,
}
"""Names that read a clock or draw at random: each simulation has its own."""

OLDEST: Final = (3, 11)
NEWEST: Final = (3, 15)


@dataclass(frozen=True, slots=True)
class Patch:
    """One replacement in the library, and the attack that asks for it.

    ``place`` is ``module:name.of.it``; ``replace`` gives what stands there from what stood.
    ``attack`` is a class of attack (``A3``), ``case`` the hostile case that gets through without
    the patch, as ``family: title``.
    """

    place: str
    attack: str
    case: str
    replace: Callable[[Any], Any]
    since: tuple[int, int] = OLDEST
    until: tuple[int, int] = NEWEST

    def is_for(self, version: tuple[int, ...]) -> bool:
        return self.since <= version <= self.until


_RESTRICTED: Final[dict[Any, dict[str, str]]] = {
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
"""Methods restricted to instances of their class, each with its case (A7)."""

_EVALUATES_NAMES: Final = "machinery: has names in a text evaluated for a dataclass's documentation"
_SHOWS_TYPE: Final = "making: is shown the real type by what typing made before"

PATCHES: Final[tuple[Patch, ...]] = (
    Patch(
        "urllib.parse:urlsplit",  # urljoin and urlparse call it, too
        "A2",
        "making: has the library keep an argument beside the real type",
        job_urllib_parse.without_cache,
    ),
    Patch(
        "copy:copy",  # UserDict.copy calls it
        "A3",
        "machinery: has a user's dictionary without a copier copied over a function",
        lambda _: job_copy.shallow_copy,
    ),
    Patch(
        "copy:deepcopy",  # asdict calls it
        "A3",
        "machinery: has asdict rebuild something else",
        lambda _: job_copy.deep_copy,
    ),
    Patch(
        "collections:UserDict.__copy__",
        "A3",
        "machinery: has a user's dictionary copied over another object",
        lambda _: job_copy.copied_user_collection,
    ),
    Patch(
        "collections:UserList.__copy__",
        "A3",
        "machinery: has a user's list copied over a module",
        lambda _: job_copy.copied_user_collection,
    ),
    Patch(
        "dataclasses:inspect",
        "A8",
        _EVALUATES_NAMES,
        job_dataclasses.without_signature,
        until=(3, 14),
    ),
    Patch(
        "dataclasses:_auto_docstring",
        "A8",
        _EVALUATES_NAMES,
        lambda _: job_dataclasses.Documentation(),
        since=(3, 15),
    ),
    Patch(
        "dataclasses:field",
        "A1",
        "attributes: writes to what all fields without metadata show by comparing it",
        lambda _: job_dataclasses.field,
        until=(3, 14),
    ),
    Patch(
        "dataclasses:_get_field",
        "A13",
        "making: has dataclass read mro of an enumeration for a field without a default",
        lambda _: job_dataclasses.get_field,
    ),
    Patch("typing:_tp_cache", "A2", _SHOWS_TYPE, job_typing.without_closures, until=(3, 11)),
    Patch("typing:_caches", "A2", _SHOWS_TYPE, job_typing.without_caches, since=(3, 12)),
    *(
        Patch(
            f"{kind.__module__}:{kind.__qualname__}.{name}",
            "A7",
            case,
            job_restricted_methods.restricted_to(kind),
        )
        for kind, names in _RESTRICTED.items()
        for name, case in names.items()
    ),
    Patch(
        "re:_compile",
        "A2",
        "machinery: has others given its pattern by flags that equal theirs",
        lambda _: job_re.compile_plain,
    ),
    Patch(
        "re:escape",
        "A5",
        "machinery: is given the table by which texts are escaped",
        lambda _: job_re.escape,
    ),
    Patch(
        "functools:update_wrapper",
        "A13",
        "making: takes a method as it is from the cache of a class",
        lambda _: job_functools.update_library_wrapper,
    ),
    Patch(
        "contextlib:_BaseExitStack.callback",
        "A3",
        "making: has a stack write to a library's function",
        lambda _: job_contextlib.callback,
    ),
    Patch(
        "contextlib:AsyncExitStack.push_async_callback",
        "A3",
        "making: has an async stack write to a library's function",
        lambda _: job_contextlib.push_async_callback,
    ),
    Patch(
        "contextlib:_BaseExitStack.pop_all",
        "A3",
        "making: has a stack put on something of the library's what is on it",
        lambda _: for_instances(job_contextlib.pop_all, contextlib.ExitStack.__mro__[1]),
    ),
)

left_out: Final[set[str]] = set()
"""Places whose patch is not made: for the test that each is needed."""


class LibraryChanged(Exception):  # it ends the start
    """The library of this Python lacks a name that a patch replaces."""


@dataclass(frozen=True, slots=True)
class _Found:
    owner: Any
    name: str
    known: Any


@cache
def install() -> None:
    """Make every patch that is for this Python, once in a process.

    Raises ``LibraryChanged``, naming all that is not there, before anything is replaced.
    """
    found = [(each, _find(each)) for each in for_this_python() if each.place not in left_out]
    if missing := [each for each, at in found if at is None]:
        raise LibraryChanged(missing_message(missing))
    for each, at in found:
        assert at is not None
        setattr(at.owner, at.name, each.replace(at.known))
    job_restricted_methods.rebind_random(_RESTRICTED[random.Random])


def for_this_python() -> Iterator[Patch]:
    return (each for each in PATCHES if each.is_for(sys.version_info[:2]))


def missing_message(missing: list[Patch]) -> str:
    """Return the message for a library that lacks what these patches replace."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    named = "; ".join(f"{each.place} ({each.attack}, {ATTACKS[each.attack]})" for each in missing)
    return (
        f"The library of Python {version} has no longer what the sandbox replaces in it: {named}. "
        "No job is run with this Python; use another one, or a later version of luajobs_kit."
    )


def _find(patch: Patch) -> _Found | None:
    module, _, path = patch.place.partition(":")
    try:
        owner: Any = importlib.import_module(module)
        *outer, name = path.split(".")
        for each in outer:
            owner = getattr(owner, each)
        known = vars(owner)[name]
    except (ImportError, AttributeError, KeyError):
        return None
    return _Found(owner, name, known)
