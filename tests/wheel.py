"""Build the wheel, install it where nothing of the checkout is seen, and run part of the tests.

Run by ``make test-wheel``; not collected by pytest.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from apart import ROOT, run_apart

PART = ["tests/engine", "tests/port", "tests/examples", "tests/test_floors.py"]


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        subprocess.run(
            [sys.executable, "-m", "build", "--wheel", "--outdir", str(place), str(ROOT)],
            check=True,
        )
        [wheel] = place.glob("*.whl")
        return run_apart(place, [f"luajobs-kit[tui] @ {wheel.as_uri()}"], PART)


if __name__ == "__main__":
    sys.exit(main())
