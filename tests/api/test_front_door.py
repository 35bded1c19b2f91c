"""The package's front door: every public name, loaded when it is first used."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import luajobs_kit

BUDGET = 0.060  # seconds that importing the package may take beyond the interpreter


def test_every_public_name_can_be_had():
    for name in luajobs_kit.__all__:
        assert getattr(luajobs_kit, name) is not None
    assert set(luajobs_kit.__all__) <= set(dir(luajobs_kit))


def test_type_checkers_see_the_same_names():
    text = Path(luajobs_kit.__file__).read_text()
    declared = set(re.findall(r"import \w+ as (\w+)", text))
    assert declared == set(luajobs_kit.__all__)


def test_importing_the_package_loads_none_of_its_parts():
    code = "import sys, luajobs_kit; print(*[m for m in sys.modules if m.startswith(('luajobs_kit', 'pydantic', 'httpx'))])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert sorted(loaded.stdout.split()) == ["luajobs_kit", "luajobs_kit._version"]


def test_importing_the_package_is_quick():
    # Processor time, the least of several, so that what else the machine does counts little.
    code = (
        "import time; t = time.process_time(); import luajobs_kit; print(time.process_time() - t)"
    )
    times = [
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
        for _ in range(5)
    ]
    assert min(times) < BUDGET


def test_a_name_that_is_not_there_is_told_so():
    with pytest.raises(AttributeError, match="no attribute 'Job'"):
        _ = luajobs_kit.Job


def test_all_names_can_be_imported_where_no_notebook_is_installed():
    code = (
        "import sys; sys.modules['ipywidgets'] = None\n"
        "from luajobs_kit import *\n"
        "print('Jobs' in globals(), 'JobsPanel' in globals())\n"
        "from luajobs_kit import JobsPanel"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    assert answer.stdout.split() == ["True", "False"]
    assert "pip install 'luajobs-kit[notebook]'" in answer.stderr.splitlines()[-1]
