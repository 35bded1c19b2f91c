"""``luajobs export`` and ``luajobs import``: a workspace as one JSON file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from luajobs_kit.cli.asking import asks
from luajobs_kit.errors import InvalidInput
from luajobs_kit.port import Port


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@asks
async def export(port: Port, /, *, file: Path) -> None:
    """Write jobs, versions, users, settings, data and products to FILE (history stays here).

    The file may hold secrets (settings, data), so only you can read it.
    """
    _write(file, json.dumps(await port.export_workspace(), indent=2, ensure_ascii=False))
    click.echo(f"{file} was written.")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@asks
async def import_(port: Port, /, *, file: Path) -> None:
    """Take over what an export wrote to FILE."""
    counts = await port.import_workspace(_read(file))
    click.echo(", ".join(f"{count} {kind}" for kind, count in counts.items()))


def _read(file: Path) -> dict[str, Any]:
    try:
        exported = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise InvalidInput(f"{file} is no JSON: {problem}") from None
    if not isinstance(exported, dict):
        raise InvalidInput(f"{file} is no export of luajobs-kit.")
    return exported


def _write(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        os.fchmod(descriptor, 0o600)  # a file that was there before may be open to others
        out.write(text + "\n")
