"""``luajobs tui``: the terminal monitor."""

from __future__ import annotations

from pathlib import Path

import click

from luajobs_kit.cli.engine_commands import reporting_errors


@click.command()
@click.pass_context
def tui(ctx: click.Context) -> None:
    """Open the terminal monitor."""
    try:
        import luajobs_tui  # noqa: PLC0415 - an extra; and Textual is slow to import
    except ModuleNotFoundError as problem:
        raise click.ClickException(
            f"the monitor needs {problem.name}: pip install 'luajobs-kit[tui]'"
        ) from None
    workspace = ctx.obj["workspace"]
    with reporting_errors():
        luajobs_tui.run(Path(workspace) if workspace else None)
