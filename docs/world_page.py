"""Generator of ``docs/world.md``, the page of what job code can import and call."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import wrap
from typing import Final

from luajobs_kit.guest import allowlist
from luajobs_kit.guest.builtins import AS_THEY_ARE, EXCEPTIONS, GUARDED, NEW
from luajobs_kit.guest.world import EVERYWHERE

PAGE: Final = Path(__file__).parent / "world.md"

_BEGINNING: Final = """\
# What job code sees

<!-- Written by `python docs/world_page.py`; a test keeps it up to date. -->

A job runs in a world of its own. It has Python's everyday builtins, the modules below
with the names listed (those that this Python has), and the kit's own names. The modules are frozen collections of
names: what is not listed does not exist inside, and nothing in them can be changed.
Anything else is refused when the job is created, at its line, with what to do instead;
a name that only shows while the job runs (`getattr(module, name)`, a module under a second
name) is an error then, and so is an import whose author catches `ImportError`.

## Names that need no import

{everywhere}

## Modules

| module | names |
|---|---|
{modules}

`luajobs_kit` is the kit as it looks from inside. `asyncio` is the kit's own and runs on
the job's own loop; `random`, `secrets` and `uuid` are fresh in every run and repeat in a
simulation, where `datetime` and `time` show the simulated clock too.

`os.environ` and `os.getenv` read the workspace's settings, as `env` does. What `sys.stdout` and
`sys.stderr` are given is the run's log. `io`, `csv`, `pathlib`, `ipaddress`, `xml.etree.ElementTree` and
`html.parser` are the kit's own classes around the library's; of these only `HTMLParser` can be
inherited from. An XML document that declares entities is refused. `zlib` and `gzip` unpack 64 MiB
at most, `ast.literal_eval` reads 200,000 characters. `traceback` shows the job's own lines alone.

Programs ask for this list with `luajobs world --json`.

## Builtins

Python's own: {builtins}; since Python 3.15 {new}.

Guarded, with the same meaning: {guarded}. `type` takes one argument;
`vars` and `__dict__` give an object's attributes as they are then, and set on it what is written
there; a class shows its ordinary names.

Exceptions: {exceptions}.

## What there is not, and what to do instead

| instead of | |
|---|---|
{instead}
"""


def render() -> str:
    """Return the page."""
    modules = "\n".join(
        f"| `{module}` | {_listed(names)} |"
        for module, names in sorted(allowlist.EVERY_MODULE.items())
    )
    missing = {
        f"import {module}": advice for module, advice in allowlist.EVERYWHERE_OUT_OF_REACH.items()
    }
    missing |= {f"other names of {name}": advice for name, advice in allowlist.IN_PART.items()}
    missing |= allowlist.OUT_OF_REACH_MEMBERS
    missing |= {f"{name}()": advice for name, advice in allowlist.OUT_OF_REACH_NAMES.items()}
    instead = "\n".join(
        f"| `{name}` | {advice.replace('|', chr(92) + '|')} |" for name, advice in missing.items()
    )
    return _BEGINNING.format(
        everywhere=_paragraph(EVERYWHERE),
        modules=modules,
        builtins=_paragraph(AS_THEY_ARE),
        new=_listed(NEW),
        guarded=_listed(GUARDED),
        exceptions=_paragraph(EXCEPTIONS),
        instead=instead,
    )


def _listed(names: tuple[str, ...]) -> str:
    return " ".join(f"`{name}`" for name in names)


def _paragraph(names: tuple[str, ...]) -> str:
    return "\n".join(wrap(_listed(names), 96))


if __name__ == "__main__":
    PAGE.write_text(render(), "utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")
