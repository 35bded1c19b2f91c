"""What job code reaches by names and calls, looked through by a program instead of by heads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def looked_through(how: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "reach.py", how], cwd=HERE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_no_names_lead_to_the_interpreter() -> None:
    told = looked_through("walk")
    assert told["looked_at"] > 5_000
    assert told["found"] == []


@pytest.mark.soak
def test_no_call_hands_out_the_interpreter() -> None:
    told = looked_through("calls")
    assert told["looked_at"] > 50_000
    assert told["found"] == []
