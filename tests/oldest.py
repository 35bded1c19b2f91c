"""Install the oldest versions pyproject.toml allows, and run part of the tests with them.

Run by ``make test-oldest``; not collected by pytest.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What leans on each dependency; what starts many engines is left to `make test`.
PART = [
    "tests/engine",
    "tests/examples",
    "tests/guest",
    "tests/port",
    "tests/server",
    "tests/store",
    "tests/timing",
    "tests/tui",
    "tests/widgets",
    "tests/test_floors.py",
    "tests/test_wire.py",
]
TOOLS = ["pytest", "pytest-asyncio", "pytest-xdist", "hypothesis"]


def oldest() -> list[str]:
    """Return ``name==version`` for every ``name>=version`` of the project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = chain(project["dependencies"], *project["optional-dependencies"].values())
    bounds = [re.match(r"([\w.-]+)>=([\w.]+)", each) for each in named]
    return [f"{bound[1]}=={bound[2]}" for bound in bounds if bound]


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        pinned = place / "oldest.txt"
        pinned.write_text("\n".join(oldest()) + "\n")
        venv.create(place / "venv", with_pip=True)
        python = place / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        kit = f"luajobs-kit[all] @ {ROOT.as_uri()}"
        subprocess.run([*pip, "--constraint", str(pinned), kit, *TOOLS], check=True)
        tests = [str(ROOT / part) for part in PART]
        return subprocess.run(
            [
                str(python),
                "-m",
                "pytest",
                "-n2",
                "-q",
                "-m",
                "not soak and not browser and not lua",
                "-c",
                str(ROOT / "pyproject.toml"),
                "--rootdir",
                str(ROOT),
                "-p",
                "no:cacheprovider",
                *tests,
            ],
            cwd=place,
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
