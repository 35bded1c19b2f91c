"""The command line, ``luajobs``."""

from __future__ import annotations

import sys

INTERRUPTED = 130  # exit code


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        import click  # noqa: PLC0415 - nothing is imported before it is asked for

        from luajobs_kit.cli.root import root  # noqa: PLC0415 - likewise
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    try:
        # click alone would leave with 1 for Ctrl-C, as for a question that is answered with no.
        code = root.main(prog_name="luajobs", standalone_mode=False)
    except click.ClickException as mistake:
        mistake.show()
        code = mistake.exit_code
    except click.Abort as given_up:
        click.echo("Aborted!", err=True)
        code = INTERRUPTED if isinstance(given_up.__context__, KeyboardInterrupt) else 1
    sys.exit(code)
