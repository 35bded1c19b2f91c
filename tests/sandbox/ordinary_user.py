"""An ordinary user, for tests that run as root: its interpreter, its packages, its programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import RestrictedPython
import tzdata

import luajobs_kit

NOBODY = 65534  # the user and the group who own nothing
TESTS = Path(__file__).parent
PACKAGES: list[ModuleType] = [luajobs_kit, RestrictedPython, tzdata]


class OrdinaryUser:
    """Runs Python programs as a user with no rights, from copies everybody may read.

    ``place`` is an empty folder that others can reach (pytest's own are closed to them).
    """

    def __init__(self, place: Path) -> None:
        self._interpreter = _interpreter_for_everybody()
        self._tests = place / "tests"
        for folder in (Path(package.__path__[0]) for package in PACKAGES):
            shutil.copytree(folder, place / folder.name, ignore=_COMPILED)
        shutil.copytree(TESTS, self._tests, ignore=_COMPILED)
        place.chmod(0o755)
        self._home = place / "home"
        self._home.mkdir()
        os.chown(self._home, NOBODY, NOBODY)
        self._path = f"{place}:{self._tests}"

    def run(self, *arguments: str) -> str:
        """Return what a program prints; ``arguments`` are the interpreter's."""
        done = subprocess.run(
            [self._interpreter, *arguments],
            capture_output=True, text=True, user=NOBODY, group=NOBODY, extra_groups=[],
            cwd=self._tests, check=False,
            env={"PYTHONPATH": self._path, "PYTHONDONTWRITEBYTECODE": "1",
                 "HOME": str(self._home)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


_COMPILED = shutil.ignore_patterns("__pycache__")


def _interpreter_for_everybody() -> str:
    own = Path(sys.base_prefix) / f"bin/python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (own, Path("/usr/bin/python3")):
        if candidate.exists() and _enterable(candidate) and _recent(candidate):
            return str(candidate)
    pytest.skip("every interpreter here lives where only its owner may look")


def _recent(interpreter: Path) -> bool:
    check = "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))"
    return subprocess.run([str(interpreter), "-c", check], check=False).returncode == 0


def _enterable(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o005 == 0o005 for parent in path.resolve().parents)
