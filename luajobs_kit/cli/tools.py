"""``luajobs tools``: the tools that notebooks and agent hosts offer, called from a terminal."""

from __future__ import annotations

import click

from luajobs_kit.acting_user import acting_as
from luajobs_kit.cli.engine_commands import as_json, print_json, with_port
from luajobs_kit.cli.formatting import table
from luajobs_kit.cli.json_input import read_object
from luajobs_kit.port import Port


@click.group()
def tools() -> None:
    """List and call the tools that are offered now."""


@tools.command("list")
@as_json
@with_port
async def list_(port: Port, /, *, as_json: bool) -> None:
    """List what is offered, with its arguments."""
    found = await port.tools()
    if as_json:
        print_json([tool.to_json() for tool in found])
    elif not found:
        click.echo(
            "Nobody offers tools now: deploy an agent in a notebook, or luajobs serve MODULE."
        )
    else:
        table(
            ["TOOL", "ARGUMENTS", "WHAT IT DOES"],
            [
                [
                    tool.name,
                    ", ".join((tool.input_schema or {}).get("properties", {})),
                    (tool.description or "").partition("\n")[0],
                ]
                for tool in found
            ],
        )


@tools.command()
@click.argument("name")
@click.argument("arguments", default="{}", metavar="[JSON]")
@click.option("--user", help="Who calls it (default: the workspace's default user).")
@with_port
async def call(port: Port, /, *, name: str, arguments: str, user: str | None) -> None:
    """Call a tool: luajobs tools call set_reminder '{"message": "tea", "minutes": 1}'."""
    given = read_object(arguments, "The arguments", '{"minutes": 1}')
    with acting_as(user):
        print_json(await port.call_tool(name, given))
