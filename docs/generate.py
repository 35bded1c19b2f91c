"""Write the generated pages: ``make docs``. Tests fail when one is not as generated."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    for words in (
        ["docs/world_page.py"],
        ["docs/patches_page.py"],
        ["docs/cli_page.py"],
        ["tests/reference/lua_names.py"],
    ):
        subprocess.run([sys.executable, *words], check=True, cwd=ROOT)  # noqa: S603 - our own scripts


if __name__ == "__main__":
    main()
