"""``luajobs lua-env``: let Lua's own ``lua`` command work against this workspace."""

from __future__ import annotations

from pathlib import Path

import click

from luajobs_kit.cli.engine_commands import with_port
from luajobs_kit.client import HttpPort
from luajobs_kit.client.lua_env import prepare
from luajobs_kit.port import Port


@click.command("lua-env")
@with_port
async def lua_env(port: Port, /) -> None:
    """Print LUA_API_URL and LUA_API_KEY for a shell, and write lua.skill.yaml here.

    Use it as: eval "$(luajobs lua-env)", then: lua jobs view. The key opens the workspace
    until its engine ends; keep it to yourself.
    """
    assert isinstance(port, HttpPort)
    env = await prepare(port, Path())
    click.echo(env.exports(), nl=False)
    click.echo(f"# {env.file.resolve()} was written", err=True)
