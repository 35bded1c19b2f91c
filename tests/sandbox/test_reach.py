"""The reach of job code by names and calls, searched by a program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PARTS = 2  # searched beside one another


def started(*program: str) -> subprocess.Popen[str]:
    command = [sys.executable, *program]
    return subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True)


def report_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    report, _ = process.communicate()
    assert process.returncode == 0
    return json.loads(report)


def test_no_names_lead_to_the_interpreter() -> None:
    walked = report_of(started("object_walker.py"))
    assert walked["looked_at"] > 5_000
    assert walked["found"] == []


@pytest.mark.soak
def test_no_use_of_anything_shows_or_writes_what_is_a_hosts() -> None:
    parts = [started("attack_calls.py", str(part), str(PARTS)) for part in range(PARTS)]
    found = [report_of(part) for part in parts]
    assert sum(each["looked_at"] for each in found) > 5_000_000
    assert [one for each in found for one in each["found"]] == []
