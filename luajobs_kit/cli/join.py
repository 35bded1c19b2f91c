"""``luajobs join``: use an engine that runs on another machine."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from luajobs_kit.cli.engine_commands import reporting_errors
from luajobs_kit.client import find_workspace
from luajobs_kit.client.join import join as join_


@click.command()
@click.argument("url")
@click.option(
    "--tls-cert",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The engine's certificate, as PEM, unless this machine trusts it already.",
)
@click.pass_context
def join(ctx: click.Context, *, url: str, tls_cert: Path | None) -> None:
    """Let this folder use the engine at URL, another machine's luajobs serve --host.

    Its token is asked for (LUA_API_KEY of luajobs lua-env there), or read from standard
    input. It is a new one whenever that engine is started.
    """
    if sys.stdin.isatty():
        token = click.prompt("The engine's token", hide_input=True)
    else:
        token = sys.stdin.readline()
    given = ctx.obj["workspace"]
    with reporting_errors():
        folder = find_workspace.where(Path(given) if given else None)
        certificate = (
            tls_cert.read_text(encoding="utf-8-sig", errors="replace") if tls_cert else None
        )
        address = asyncio.run(join_(folder, url, token.lstrip("\ufeff").strip(), certificate))
    click.echo(f"{folder} uses the engine at {address.url}.")
