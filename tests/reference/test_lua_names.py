"""The page that maps Lua's names to ours is up to date, and every name on it exists."""

from __future__ import annotations

import sys
from functools import reduce
from pathlib import Path

import pytest

import luajobs_kit

sys.path.insert(0, str(Path(__file__).parent))
import lua_names

ROWS = [row for rows in lua_names.TABLES.values() for row in rows]


def test_the_page_is_as_generated():
    assert lua_names.PAGE.read_text() == lua_names.page(), "run python tests/reference/lua_names.py"


@pytest.mark.parametrize("path", sorted({path for _, _, path, _ in ROWS if path}))
def test_each_name_of_ours_is_there(path):
    assert reduce(getattr, path.split("."), luajobs_kit) is not None or path.endswith("_schema")
