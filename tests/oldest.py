"""Install the oldest versions pyproject.toml allows, and run part of the tests with them.

Run by ``make test-oldest``; not collected by pytest.
"""

import re
import sys
import tempfile
import tomllib
from itertools import chain
from pathlib import Path

from apart import ROOT, run_apart

# What leans on each dependency; what starts many engines is left to `make test`.
PART = [
    "tests/engine",
    "tests/examples",
    "tests/guest",
    "tests/live",
    "tests/platform",
    "tests/port",
    "tests/sandbox",
    "tests/server",
    "tests/store",
    "tests/timing",
    "tests/tui",
    "tests/widgets",
    "tests/test_floors.py",
    "tests/test_http_protocol.py",
]


def oldest() -> list[str]:
    """Return ``name==version`` for every ``name>=version`` of the project.

    Where another bound holds for later Pythons only, by a marker, it is not this Python's.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = chain(project["dependencies"], *project["optional-dependencies"].values())
    bounds = [re.match(r"([\w.-]+)>=([\w.]+)", each) for each in named if ";" not in each]
    return [f"{bound[1]}=={bound[2]}" for bound in bounds if bound]


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        pinned = place / "oldest.txt"
        pinned.write_text("\n".join(oldest()) + "\n")
        kit = f"luajobs-kit[all] @ {ROOT.as_uri()}"
        return run_apart(place, ["--constraint", str(pinned), kit], PART)


if __name__ == "__main__":
    sys.exit(main())
