"""What of the standard library is replaced in a child, each with the attack that asks for it.

A replacement stands here only with a hostile case that gets through without it: a test takes
each out and runs its case. Their names are looked for when the guest is prepared, before any
job is there; one that a Python does not have ends the start, in words.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from luajobs_kit.guest.stdlib import copy as job_copy
from luajobs_kit.guest.stdlib import dataclasses as job_dataclasses
from luajobs_kit.guest.stdlib import functools as job_functools
from luajobs_kit.guest.stdlib import re as job_re
from luajobs_kit.guest.stdlib import restricted_methods as job_restricted_methods
from luajobs_kit.guest.stdlib import typing as job_typing
from luajobs_kit.guest.stdlib import urllib_parse as job_urllib_parse
from luajobs_kit.guest.stdlib.patch import Patch

PATCHES: Final[tuple[Patch, ...]] = (
    *job_urllib_parse.PATCHES,
    *job_copy.PATCHES,
    *job_dataclasses.PATCHES,
    *job_typing.PATCHES,
    *job_restricted_methods.PATCHES,
    *job_re.PATCHES,
    *job_functools.PATCHES,
)

left_out: Final[set[str]] = set()
"""Places whose replacement is not made: for the test that each is needed."""


class LibraryChanged(Exception):  # it ends the start
    """This Python's library has not what a replacement is for."""


@dataclass(frozen=True, slots=True)
class _Found:
    owner: Any
    name: str
    known: Any


@cache
def install() -> None:
    """Make every replacement that is for this Python, once in a process.

    Raises ``LibraryChanged``, naming all that is not there, before anything is replaced.
    """
    found = [(each, _find(each)) for each in for_this_python() if each.place not in left_out]
    if missing := [each for each, at in found if at is None]:
        raise LibraryChanged(words(missing))
    for each, at in found:
        assert at is not None
        setattr(at.owner, at.name, each.replace(at.known))
    job_restricted_methods.bind_again()


def for_this_python() -> Iterator[Patch]:
    return (each for each in PATCHES if each.is_for(sys.version_info[:2]))


def words(missing: list[Patch]) -> str:
    """Say what of the library is not there, and what follows."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    named = "; ".join(f"{each.place} ({each.why})" for each in missing)
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
