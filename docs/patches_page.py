"""Generator of ``docs/patches.md``, the table of what is replaced in the library."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from luajobs_kit.guest.guards import ATTACKS
from luajobs_kit.guest.stdlib.patches import NEWEST, OLDEST, PATCHES, Patch

PAGE: Final = Path(__file__).parent / "patches.md"

_BEGINNING: Final = """\
# What is replaced in the standard library

<!-- Written by `python docs/patches_page.py`; a test keeps it up to date. -->

Library code trusts the objects it is given: it compares them, calls what they answer with, and
writes to what their classes made. Objects of job code's may lie, and the library runs past the
guards. Where it would, the fork server puts a function of ours in its place, before any job is
there; a function that job code only calls itself is one of ours in the frozen module instead
([What job code sees](world.md)), and stands in no list.

Each replacement earns its place by a hostile program that gets through without it: a test takes
each out and runs that program, with the policy and the walls on. If a Python has no longer what
is to be replaced, the sandbox does not start, and says which name of which module is gone.
The numbers are those of the [attack classes](architecture.md#attack-classes).

| module | name | against | case of `tests/sandbox/corpus/hostile` | Python |
|---|---|---|---|---|
{rows}
"""


def render() -> str:
    """Return the page."""
    return _BEGINNING.format(rows="\n".join(map(_row, sorted(PATCHES, key=_place))))


def _place(patch: Patch) -> str:
    return patch.place


def _row(patch: Patch) -> str:
    module, _, name = patch.place.partition(":")
    cells = (
        f"`{module}`",
        f"`{name}`",
        f"{patch.attack}, {ATTACKS[patch.attack]}",
        patch.case,
        _pythons(patch),
    )
    return f"| {' | '.join(cells)} |"


def _pythons(patch: Patch) -> str:
    first, last = (".".join(map(str, each)) for each in (patch.since, patch.until))
    if (patch.since, patch.until) == (OLDEST, NEWEST):
        return "all"
    return first if first == last else f"{first} to {last}"


if __name__ == "__main__":
    PAGE.write_text(render(), "utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")
