"""``luajobs serve | stop | status | doctor | settings``: the engine itself."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Final

import click

from luajobs_kit.cli.engine_commands import (
    as_json,
    print_json,
    reporting_errors,
    with_port,
    with_running_port,
)
from luajobs_kit.cli.formatting import clock, when
from luajobs_kit.cli.progress import waiting
from luajobs_kit.errors import InvalidInput
from luajobs_kit.masking import MASK
from luajobs_kit.port import Port
from luajobs_kit.presentation import clean

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("modules", nargs=-1, metavar="[AGENT_MODULE]...")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="A fixed port (default: any free one).",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    help="An address of this machine that others reach; over TLS only (default: 127.0.0.1).",
)
@click.option(
    "--name", "names", multiple=True, help="What clients call it, where that is not ADDRESS."
)
@click.option("--tls-cert", type=_FILE, help="The certificate for ADDRESS or NAME, as PEM.")
@click.option("--tls-key", type=_FILE, help="The certificate's key, as PEM.")
@click.option("--reload", is_flag=True, help="Deploy an agent module again when its file changes.")
@click.pass_context
def serve(
    ctx: click.Context,
    *,
    modules: tuple[str, ...],
    port: int,
    host: str,
    names: tuple[str, ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    reload: bool,
) -> None:
    """Run the workspace's engine here until it is stopped (Ctrl-C, SIGTERM, luajobs stop).

    Each AGENT_MODULE (shop.agent, or a file) is run by a process of its own, which deploys
    the LuaAgent it defines, or offers its tools to jobs, and answers for them.

    Other machines reach it by --host, --tls-cert and --tls-key; on them, luajobs join.
    """
    from luajobs_kit.api.agent import host as agent_host  # noqa: PLC0415 - the server is not for every command
    from luajobs_kit.client import find_workspace  # noqa: PLC0415
    from luajobs_kit.server import process  # noqa: PLC0415
    from luajobs_kit.server.tls import Tls  # noqa: PLC0415 - only who serves to others needs TLS

    given = ctx.obj["workspace"]
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key belong together.")
    tls = Tls(tls_cert, tls_key) if tls_cert and tls_key else None
    with reporting_errors():
        folder = find_workspace.find(Path(given) if given else None)
        with agent_host.hosts(folder, modules, reload=reload) as start:

            def say(line: str) -> None:
                click.echo(line)
                if tls is not None:
                    click.echo(
                        "On another machine: luajobs join URL --tls-cert FILE, with a copy "
                        "of this certificate and the LUA_API_KEY that luajobs lua-env prints here."
                    )
                start()

            process.serve(folder, host=host, port=port, names=names, tls=tls, report=say)


@click.command()
@click.pass_context
def stop(ctx: click.Context) -> None:
    """End the workspace's engine; running jobs get a few seconds.

    An open panel or monitor does not start it again; the next call or command that needs an
    engine does, and what was missed meanwhile is run late.
    """
    from luajobs_kit.client import discover, find_workspace  # noqa: PLC0415 - only `stop` needs it

    given = ctx.obj["workspace"]

    async def ended(folder: Path) -> int | None:
        async with waiting("Waiting until the engine has ended"):
            return await asyncio.to_thread(discover.stop, folder)

    with reporting_errors():
        folder = find_workspace.find(Path(given) if given else None, make=False)
        pid = asyncio.run(ended(folder))
    click.echo(f"The engine (pid {pid}) has ended." if pid else f"No engine runs for {folder}.")


@click.command()
@as_json
@with_running_port
async def status(port: Port, /, *, as_json: bool) -> None:
    """Say what the engine is doing, and until when it stays (exit code 3: none runs)."""
    found = await port.status()
    if as_json:
        print_json(found.to_json())
        return
    click.echo(f"workspace  {found.workspace}")
    click.echo(
        f"engine     pid {found.pid}, version {found.version}, since {clock(found.started_at)}"
    )
    click.echo(f"jobs       {found.jobs}, {found.active_jobs} with a next fire")
    click.echo(f"runs       {found.running} running, {found.waiting} waiting")
    click.echo(f"next fire  {when(found.next_fire_at, found.now)}")
    click.echo(f"clients    {found.clients}")
    if found.unwritten:
        click.secho(f"storage    nothing can be written: {clean(found.unwritten)}", fg="red")
    click.echo(f"it {found.stays}")


@click.command()
@as_json
@with_port
async def doctor(port: Port, /, *, as_json: bool) -> None:
    """Say what holds on this machine: each wall of the sandbox, and what recovery had to do."""
    found = await port.doctor()
    if as_json:
        print_json([finding.to_json() for finding in found])
        return
    for topic in dict.fromkeys(finding.topic for finding in found):
        click.secho(topic, bold=True)
        for finding in found:
            if finding.topic == topic:
                sign = click.style("✓", fg="green") if finding.holds else click.style("✗", fg="red")
                click.echo(f"  {sign} {finding.name:<16} {finding.says}")


@click.command()
@click.argument("assignments", nargs=-1, metavar="[NAME[=VALUE]]...")
@click.option(
    "--unset", "removed", multiple=True, metavar="NAME", help="Remove a setting, or env.NAME."
)
@with_port
async def settings(
    port: Port, /, *, assignments: tuple[str, ...], removed: tuple[str, ...]
) -> None:
    """Print the workspace's settings, or change some: luajobs settings max_concurrent=4.

    VALUE is JSON, or text where it is none; an empty one removes the setting. NAMEs
    alone print those settings.

    http_hosts+=VALUE adds an item to a list, http_hosts-=VALUE takes one away.

    env.NAME= asks for the value without showing it, or reads a line from a pipe; env.NAME
    alone says whether it is set. The values of env are never printed.
    """
    asked = [name for name in assignments if "=" not in name]
    if asked and (removed or len(asked) < len(assignments)):
        raise click.UsageError("Either change settings (NAME=VALUE) or ask for them (NAME).")
    if asked:
        shown = await _asked_for(port, asked)
        print_json(shown[asked[0]] if len(asked) == 1 else shown)
        return
    changes: dict[str, Any] = dict.fromkeys(removed)
    for assignment in assignments:
        name, _, text = assignment.partition("=")
        value = _value(name, text)
        if name.endswith(("+", "-")):  # may be given several times
            value = changes.get(name, []) + (value if isinstance(value, list) else [value])
        changes[name] = value
    print_json(_shown(await port.settings(changes or None)))


async def _asked_for(port: Port, names: list[str]) -> dict[str, Any]:
    """Return the settings of these names; of ``env.NAME``, whether it is set."""
    values = await port.settings()
    found: dict[str, Any] = {}
    for name in names:
        if name.startswith("env."):
            found[name] = "set" if name.removeprefix("env.") in values["env"] else "not set"
        elif name not in values:
            raise InvalidInput(f"There is no setting {name!r}; there are {', '.join(values)}.")
        else:
            found[name] = _shown(values)[name]
    return found


def _shown(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, "env": dict.fromkeys(values["env"], MASK)}


def _value(name: str, text: str) -> Any:
    """Return the value that an assignment means, asked for where it is one of ``env`` and not given."""
    if name.startswith("env."):
        return text or _secret(name)
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def _secret(name: str) -> str:
    if sys.stdin.isatty():
        given: str = click.prompt(name, type=str, hide_input=True, err=True)
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    if not given:
        raise InvalidInput(f"No value was given for {name}; --unset {name} removes it.")
    return given
