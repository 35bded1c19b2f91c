"""The command line, ``luajobs``."""

from __future__ import annotations

import io
import os
import sys

INTERRUPTED = 130  # exit code


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        import click  # noqa: PLC0415 - nothing is imported before it is asked for

        from luajobs_kit.cli.root import root  # noqa: PLC0415 - likewise
        from luajobs_kit.presentation import clean  # noqa: PLC0415 - likewise
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # Latin-1 has no sign for a job that is active
    try:
        # click alone would leave with 1 for Ctrl-C, as for a question that is answered with no.
        code = root.main(prog_name="luajobs", standalone_mode=False)
    except click.ClickException as mistake:
        mistake.show()
        code = mistake.exit_code
    except click.Abort as given_up:
        click.echo("Aborted!", err=True)
        code = INTERRUPTED if isinstance(given_up.__context__, KeyboardInterrupt) else 1
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        said = f"luajobs: {where}{problem.strerror or problem}"
        click.secho(clean(said), fg="red", err=True)
        code = 1
    try:
        sys.stdout.flush()
    except OSError:  # a full disk: what is left must not be tried again at the very end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = code or 1
    sys.exit(code)
