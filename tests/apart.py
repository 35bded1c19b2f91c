"""Running tests in an environment of their own, where nothing of the checkout is installed."""

import os
import subprocess
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_TOOLS = ["pytest", "pytest-asyncio", "pytest-xdist", "hypothesis", "nbclient", "nbformat"]


def run_apart(place: Path, requirements: list[str], part: list[str]) -> int:
    """Install the requirements into a new environment in ``place`` and run part of the tests.

    Returns pytest's exit status; raises ``CalledProcessError`` when they cannot be installed.
    """
    venv.create(place / "venv", with_pip=True)
    python = str(place / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *requirements, *_TOOLS], check=True)
    tests = [python, "-m", "pytest", "-n2", "-q", "-m", "not soak and not browser and not lua"]
    configured = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)]
    chosen = ["-p", "no:cacheprovider", *(str(ROOT / each) for each in part)]
    return subprocess.run([*tests, *configured, *chosen], cwd=place, check=False).returncode
