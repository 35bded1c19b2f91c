"""``python -m luajobs_kit.server --workspace DIR``: the engine as its first client starts it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from luajobs_kit.errors import LuaJobsError, WorkspaceLocked
from luajobs_kit.server import process


def main() -> int:
    """Serve the folder; 75 says that another engine owns it."""
    options = argparse.ArgumentParser(prog="luajobs_kit.server", description=__doc__)
    options.add_argument("--workspace", type=Path, required=True, help="the .luajobs folder itself")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--stay", action="store_true", help="do not leave when nobody is there")
    given = options.parse_args()
    process.log_to_stderr()
    try:
        process.serve(given.workspace, port=given.port, stay=given.stay)
    except WorkspaceLocked as error:
        sys.stderr.write(f"{error.message}\n")
        return process.TAKEN
    except LuaJobsError as error:
        sys.stderr.write(f"{type(error).__name__}: {error.message}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
