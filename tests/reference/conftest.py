"""Runs the Python of a page as a notebook would: top-level await, source that can be found."""

from __future__ import annotations

import ast
import inspect
import linecache
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"^```python(?P<info>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of Python on a page; ``raises`` names the error it shows."""

    page: str
    line: int
    code: str
    raises: str | None

    async def run(self, names: dict) -> None:
        """Run it with ``names`` as the notebook's own."""
        file = f"<{self.page}:{self.line}>"
        linecache.cache[file] = (len(self.code), None, self.code.splitlines(keepends=True), file)
        code = compile(self.code, file, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if code.co_flags & inspect.CO_COROUTINE:
            await eval(code, names)
        else:
            exec(code, names)


@pytest.fixture
def blocks():
    """Return the blocks of a page of the docs."""

    def read(page: str) -> list[Block]:
        text = (DOCS / page).read_text()
        return [
            Block(
                page,
                text.count("\n", 0, match.start()) + 2,
                match["code"],
                match["info"].partition("raises=")[2].strip() or None,
            )
            for match in _BLOCK.finditer(text)
        ]

    return read
