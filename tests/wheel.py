"""Build the wheel, install it where nothing of the checkout is seen, and run part of the tests.

Run by ``make test-wheel``; not collected by pytest.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PART = ["tests/engine", "tests/port", "tests/examples", "tests/test_floors.py"]


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        subprocess.run(
            [sys.executable, "-m", "build", "--wheel", "--outdir", str(place), str(ROOT)],
            check=True,
        )
        [wheel] = place.glob("*.whl")
        venv.create(place / "venv", with_pip=True)
        python = place / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        tools = ["pytest", "pytest-asyncio", "pytest-xdist", "hypothesis"]
        subprocess.run([*pip, f"luajobs-kit[tui] @ {wheel.as_uri()}", *tools], check=True)
        tests = [str(ROOT / part) for part in PART]
        return subprocess.run(
            [
                str(python),
                "-m",
                "pytest",
                "-n2",
                "-q",
                "-m",
                "not soak and not browser",
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
