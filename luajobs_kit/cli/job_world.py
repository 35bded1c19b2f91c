"""``luajobs world``: what job code can import and call, for people and for programs that write jobs."""

from __future__ import annotations

import importlib
import json
from typing import Any

import click

from luajobs_kit.argument_help import did_you_mean
from luajobs_kit.cli.engine_commands import as_json
from luajobs_kit.guest import allowlist
from luajobs_kit.guest.builtins import AS_THEY_ARE, EXCEPTIONS, GUARDED
from luajobs_kit.guest.world import EVERYWHERE


@click.command()
@click.argument("module", required=False)
@as_json
def world(*, module: str | None, as_json: bool) -> None:
    """List what job code can import and call; with MODULE, the names of one.

    It needs no workspace: the list is that of this version, on this Python.
    """
    if module is not None and module not in allowlist.MODULES:
        advice = allowlist.instead_of_module(module) or did_you_mean(module, allowlist.MODULES)
        raise click.ClickException(f"jobs have no module {module}. {advice.strip()}".rstrip())
    modules = {name: _names(name) for name in sorted(allowlist.MODULES) if module in {None, name}}
    found: dict[str, Any] = {"modules": modules}
    if module is None:
        found |= {
            "builtins": sorted({*AS_THEY_ARE, *GUARDED, *EXCEPTIONS}),
            "everywhere": sorted(EVERYWHERE),
            "instead": {
                "modules": allowlist.OUT_OF_REACH | allowlist.IN_PART,
                "members": allowlist.OUT_OF_REACH_MEMBERS,
                "builtins": allowlist.OUT_OF_REACH_NAMES,
            },
        }
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if module is None:
        click.echo(f"without an import: {', '.join(sorted(EVERYWHERE))}, and Python's builtins")
    for name, names in modules.items():
        click.echo(f"{name}: {', '.join(names)}")


def _names(module: str) -> list[str]:
    """Return the names of a module that this Python has."""
    listed = allowlist.MODULES[module]
    if all(f"{module}.{name}" not in allowlist.NOT_EVERYWHERE for name in listed):
        return list(listed)
    there = vars(importlib.import_module(module))
    return [n for n in listed if n in there or f"{module}.{n}" not in allowlist.NOT_EVERYWHERE]
