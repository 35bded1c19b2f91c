"""The command ``luajobs``: its subcommands are imported when they are called.

Exit codes: 0 done; 1 refused or failed, with the reason on standard error; 2 wrong
usage; 3 no engine could be reached; 130 interrupted.
"""

from __future__ import annotations

import importlib
from typing import Final

import click

from luajobs_kit._version import __version__
from luajobs_kit.argument_help import did_you_mean

COMMANDS: Final = {
    "demo": "luajobs_kit.cli.demo:demo",
    "doctor": "luajobs_kit.cli.engine_process:doctor",
    "export": "luajobs_kit.cli.transfer:export",
    "import": "luajobs_kit.cli.transfer:import_",
    "inbox": "luajobs_kit.cli.inbox:inbox",
    "join": "luajobs_kit.cli.join:join",
    "jobs": "luajobs_kit.cli.jobs:jobs",
    "logs": "luajobs_kit.cli.logs:logs",
    "lua-env": "luajobs_kit.cli.lua_env:lua_env",
    "serve": "luajobs_kit.cli.engine_process:serve",
    "settings": "luajobs_kit.cli.engine_process:settings",
    "status": "luajobs_kit.cli.engine_process:status",
    "simulate": "luajobs_kit.cli.simulate:simulate",
    "stop": "luajobs_kit.cli.engine_process:stop",
    "tools": "luajobs_kit.cli.tools:tools",
    "tui": "luajobs_kit.cli.tui:tui",
    "users": "luajobs_kit.cli.users:users",
    "world": "luajobs_kit.cli.job_world:world",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as problem:
            hint = did_you_mean(args[0], COMMANDS)
            raise click.UsageError(problem.message + hint, ctx) from None


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-w",
    "--workspace",
    metavar="DIR",
    help="The workspace, or the folder it is in (default: LUAJOBS_HOME, else the nearest .luajobs, "
    "walking up).",
)
@click.version_option(__version__, prog_name="luajobs")
@click.pass_context
def root(ctx: click.Context, workspace: str | None) -> None:
    """Scheduled, isolated, watchable jobs from Python functions.

    Try 'luajobs demo' first. Jobs are made in Python (Jobs.create) or with
    'luajobs jobs create FILE'; everything else can be done from here.
    """
    ctx.obj = {"workspace": workspace}
