"""``luajobs inbox``: the messages that jobs sent to users."""

from __future__ import annotations

import click

from luajobs_kit.cli.engine_commands import as_json, print_json, with_port
from luajobs_kit.cli.formatting import clock
from luajobs_kit.model import Message
from luajobs_kit.port import Port
from luajobs_kit.presentation import clean


@click.command()
@click.option("--user", "user_id", help="Only this user's messages.")
@click.option("--limit", default=20, show_default=True)
@as_json
@with_port
async def inbox(port: Port, /, *, user_id: str | None, limit: int, as_json: bool) -> None:
    """Print the messages jobs sent to users, the newest last."""
    if user_id:
        found = await port.call("user.history", {"id": user_id, "limit": limit})
    else:
        found = await port.call("user.inbox", {"limit": limit})
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("No messages yet. Jobs send them with: await user.send('…')")
    for message in reversed([Message.model_validate(each) for each in found]):
        origin = f" (from {message.job_name})" if message.job_name else ""
        head = f"{clock(message.created_at)}  {message.user_id}{origin}"
        click.echo(click.style(clean(head), fg="bright_black"))
        for line in message.text.splitlines():
            click.echo(f"  {clean(line)}")
