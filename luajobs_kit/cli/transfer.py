"""``luajobs export`` and ``luajobs import``: a workspace as one file, JSON or zip."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import click

from luajobs_kit.cli.engine_commands import with_port
from luajobs_kit.cli.progress import waiting
from luajobs_kit.errors import InvalidInput
from luajobs_kit.port import Port

_SENT = 2**20  # bytes of a file that fit into a request to the engine


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, resolve_path=True, path_type=Path))
@with_port
async def export(port: Port, /, *, file: Path) -> None:
    """Write jobs, versions, users, settings, data and products to FILE, as JSON.

    Where FILE ends in .zip, the history too: executions, messages and log lines.
    The file may hold secrets (settings, data), so only you can read it.
    """
    if file.suffix == ".zip":
        await _write_archive(port, file)
    else:
        async with waiting("Exporting"):
            exported = await port.export_workspace()
        _write(file, json.dumps(exported, indent=2, ensure_ascii=False))
    click.echo(f"{file} was written.")


@click.command("import")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path)
)
@with_port
async def import_(port: Port, /, *, file: Path) -> None:
    """Take over what an export wrote to FILE."""
    exported = _read(file)
    async with waiting("Importing"):
        counts = await port.import_workspace(exported, str(file) if exported is None else None)
    click.echo(", ".join(f"{count} {kind}" for kind, count in counts.items()))


def _read(file: Path) -> dict[str, Any] | None:
    """Return a JSON file's value; None for what the engine had better read itself."""
    if file.suffix == ".zip" or file.stat().st_size > _SENT:
        return None
    try:
        exported = json.loads(file.read_bytes())
    except ValueError as problem:
        raise InvalidInput(f"{file} is no JSON: {problem}") from None
    except RecursionError:
        raise InvalidInput(f"{file} is nested too deeply for an export.") from None
    if not isinstance(exported, dict):
        raise InvalidInput(f"{file} is no export of luajobs-kit.")
    return exported


async def _write_archive(port: Port, file: Path) -> None:
    # The engine writes new files only; what was at FILE stays until the new one is whole.
    beside = file.with_name(f".{file.stem}-{secrets.token_hex(4)}.zip")
    try:
        async with waiting("Exporting"):
            counts = await port.export_workspace(str(beside))
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    click.echo(", ".join(f"{count} {kind}" for kind, count in counts.items()))


def _write(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        os.fchmod(descriptor, 0o600)  # a file that was there before may be open to others
        out.write(text + "\n")
