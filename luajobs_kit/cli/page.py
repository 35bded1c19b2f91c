"""The page of every command's help; ``python -m luajobs_kit.cli.page`` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from luajobs_kit.cli.root import root

PAGE: Final = Path(__file__).parents[2] / "docs" / "cli.md"
WIDTH: Final = 90  # characters

_BEGINNING = """# The command line

<!-- Written by `make docs` from the commands themselves. -->

Every command finds the workspace as the rest of the kit does: `--workspace`, else
`LUAJOBS_HOME`, else the nearest `.luajobs` folder walking up. The first that needs the engine
starts it. Most take `--json` for programs.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | refused or failed; the reason is on standard error |
| 2 | wrong usage |
| 3 | no engine could be reached |
| 130 | interrupted |

Completion for bash: `eval "$(_LUAJOBS_COMPLETE=bash_source luajobs)"`; for zsh and fish put their
name in place of `bash`.
"""


def render() -> str:
    """Return the page."""
    return _BEGINNING + "".join(_section(context) for context in _contexts(root, None))


def _contexts(command: click.Command, parent: click.Context | None) -> Iterator[click.Context]:
    name = command.name if parent else "luajobs"
    context = click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        **command.context_settings,
    )
    yield context
    if isinstance(command, click.Group):
        for word in command.list_commands(context):
            found = command.get_command(context, word)
            if found is not None:
                yield from _contexts(found, context)


def _section(context: click.Context) -> str:
    return f"\n## `{context.command_path}`\n\n```text\n{context.get_help()}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    click.echo(f"wrote {PAGE}")
