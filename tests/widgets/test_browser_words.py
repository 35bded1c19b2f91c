"""Words that the browser makes anew every second, as Python makes them; needs ``node``."""

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from luajobs_kit.presentation import TONES, age, countdown, length
from luajobs_kit.widgets.anywidgets import _script

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SECONDS = [0, 0.4, 1, 59, 59.999, 60, 65, 3_599, 3_600, 7_500, 86_399, 86_400, 529_000]

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")


def test_lengths_ages_and_tones_are_the_same_in_the_browser(tmp_path):
    said = f"""
    const times = {json.dumps([round(seconds * 1_000) for seconds in SECONDS])};
    console.log(JSON.stringify({{
      length: times.map(length), age: times.map(age), countdown: times.map(countdown),
      tones: {json.dumps(list(TONES))}.map(tone),
    }}));
    """
    program = tmp_path / "words.mjs"
    program.write_text(_script("table.js") + said, encoding="utf-8")
    answer = subprocess.run(["node", str(program)], check=True, capture_output=True, text=True)
    assert json.loads(answer.stdout) == {
        "length": [length(seconds) for seconds in SECONDS],
        "age": [age(NOW - timedelta(seconds=seconds), NOW) for seconds in SECONDS],
        "countdown": [countdown(timedelta(seconds=seconds)) for seconds in SECONDS],
        "tones": list(TONES.values()),
    }
