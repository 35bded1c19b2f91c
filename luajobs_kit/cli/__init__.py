"""The command line, ``luajobs``."""

from __future__ import annotations


def main() -> None:
    """Run the command line and leave with its exit code."""
    from luajobs_kit.cli.root import root  # noqa: PLC0415 - nothing is imported before it is asked for

    root(prog_name="luajobs")
