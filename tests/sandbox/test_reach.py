"""What job code reaches by names and calls, looked through by a program instead of by heads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PARTS = 2  # searched beside one another


def begun(*program: str) -> subprocess.Popen[str]:
    command = [sys.executable, *program]
    return subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True)


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    said, _ = process.communicate()
    assert process.returncode == 0
    return json.loads(said)


def test_no_names_lead_to_the_interpreter() -> None:
    walked = told(begun("object_walker.py"))
    assert walked["looked_at"] > 5_000
    assert walked["found"] == []


@pytest.mark.soak
def test_no_use_of_anything_shows_or_writes_what_is_a_hosts() -> None:
    parts = [begun("attack_calls.py", str(part), str(PARTS)) for part in range(PARTS)]
    found = [told(part) for part in parts]
    assert sum(each["looked_at"] for each in found) > 5_000_000
    assert [one for each in found for one in each["found"]] == []
