"""``python -m luajobs_tui [folder]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from luajobs_kit.errors import LuaJobsError
from luajobs_tui.start import run


def main() -> int:
    """Run the monitor; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="luajobs_tui", description="The terminal monitor of luajobs."
    )
    parser.add_argument("folder", nargs="?", type=Path, help="the workspace's folder (.luajobs)")
    try:
        run(parser.parse_args().folder)
    except LuaJobsError as problem:
        sys.stderr.write(f"Error: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
