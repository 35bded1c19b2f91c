"""Each floor stands without the ones above it, and the front door stays light."""

import json
import subprocess
import sys

import pytest

TERMINAL = {"textual", "rich"}  # the extra "tui"
HEAVY = TERMINAL | {"ipywidgets", "IPython", "starlette", "uvicorn", "apscheduler", "tinydb"}

FLOORS = {
    "luajobs_kit": HEAVY | {"pydantic", "httpx", "click", "RestrictedPython"},
    "luajobs_kit.model": HEAVY | {"httpx", "click", "RestrictedPython"},
    "luajobs_kit.port": HEAVY | {"httpx", "click", "RestrictedPython"},
    "luajobs_kit.bundle": HEAVY | {"httpx", "click", "RestrictedPython"},
    "luajobs_kit.client": HEAVY | {"click", "RestrictedPython"},
    "luajobs_kit.engine": TERMINAL | {"ipywidgets", "IPython", "starlette", "uvicorn", "click"},
    "luajobs_kit.server": TERMINAL | {"ipywidgets", "IPython"},
    "luajobs_kit.api": TERMINAL | {"ipywidgets", "IPython", "click"},
    "luajobs_kit.live.event_feed": HEAVY | {"httpx", "click", "RestrictedPython"},
    "luajobs_kit.widgets.panel_feed": HEAVY | {"httpx", "click", "RestrictedPython", "traitlets"},
    "luajobs_tui.columns": {"textual", "ipywidgets", "IPython", "starlette", "uvicorn", "click"},
    "luajobs_kit.guest.world": HEAVY | {"pydantic", "httpx", "click", "asyncio"},
    "luajobs_kit.sandbox.server.fork_server": HEAVY | {"pydantic", "httpx", "click", "asyncio"},
    "luajobs_kit.cli.jobs": HEAVY | {"RestrictedPython", "pydantic"},
}


@pytest.mark.parametrize("module", FLOORS)
def test_importing_a_floor_brings_nothing_from_above_it(module):
    program = (
        f"import sys, json, importlib; importlib.import_module({module!r});"
        " print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    loaded = set(json.loads(answer.stdout))
    assert loaded & FLOORS[module] == set()
