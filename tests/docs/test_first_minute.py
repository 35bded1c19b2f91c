"""The first minute of a newcomer, as README.md promises it."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.metadata import requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def brought(extra):
    """The packages that the extra brings."""
    mine = [each for each in requires("luajobs-kit") or [] if f"extra == '{extra}'" in each]
    return {re.match(r"[\w.-]+", each)[0] for each in mine}


def test_the_extra_lab_brings_jupyterlab_and_what_the_panel_needs():
    assert brought("lab") == {"jupyterlab", *brought("notebook")}


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_lab_opens_the_first_lesson(tmp_path):
    told = subprocess.run(
        ["make", "--dry-run", f"VENV={tmp_path}", "lab"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "pip install" in told
    assert "'.[all,lab]'" in told
    opened = re.search(r"cd (\S+) && .*jupyter lab +(\S+)", told)
    assert (ROOT / opened[1] / opened[2]).is_file()
