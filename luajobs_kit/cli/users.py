"""``luajobs users``: add and list the people jobs serve."""

from __future__ import annotations

from typing import Any

import click

from luajobs_kit.cli.engine_commands import as_json, print_json, with_port
from luajobs_kit.cli.formatting import table
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import UserRecord
from luajobs_kit.port import Port
from luajobs_kit.presentation import clean


@click.group()
def users() -> None:
    """Add and list the workspace's users."""


@users.command("list")
@as_json
@with_port
async def list_(port: Port, /, *, as_json: bool) -> None:
    """List the users."""
    found = await port.call("user.list", {})
    if as_json:
        print_json(found)
        return
    records = [UserRecord.model_validate(user) for user in found]
    table(
        ["ID", "NAME", "E-MAIL", "PHONE"],
        [
            [
                user.id,
                user.profile.full_name or "-",
                ", ".join(user.profile.email_addresses) or "-",
                ", ".join(user.profile.mobile_numbers) or "-",
            ]
            for user in records
        ],
    )


@users.command()
@click.argument("user_id", metavar="ID")
@click.option("--name", "full_name")
@click.option("--email", "email_addresses", multiple=True)
@click.option("--phone", "mobile_numbers", multiple=True)
@with_port
async def add(port: Port, /, *, user_id: str, full_name: str | None, **lists: Any) -> None:
    """Add a user."""
    if not user_id.strip():
        raise InvalidInput("A user needs an ID, such as ada.")
    given = {name: list(values) for name, values in lists.items()}
    await port.call("user.add", {"id": user_id, "full_name": full_name, **given})
    click.echo(f"{clean(user_id)} was added.")
