"""Type checks, strict ones, of what users write against the public interface."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_public_api_type_checks_as_a_user_calls_it():
    file = Path(__file__).with_name("api.py")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", file],
        capture_output=True,
        text=True,
        cwd=file.parents[2],
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
