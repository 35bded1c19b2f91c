"""Every Python block of README.md and docs/ runs, page by page, as a reader would run it.

The blocks of a page share their names, as cells of a notebook do, and may ``await``. An
HTML comment on the line before a block says what else is to be done with it:

    <!-- test: skip, because … -->   it is a fragment, or needs what a test has not
    <!-- test: pytest -->            it is a test file; it is run by pytest
"""

import ast
import inspect
import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

import pytest

from luajobs_kit import Workspace

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(
    r"(?:^<!-- test: (?P<order>[^\n]+?) -->\n)?^```(?:python|py)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    page: Path
    line: int  # of its first line, in the page
    code: str
    order: str | None


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start("code")) + 1
        yield Block(page, line, found["code"], found["order"])


def name_of(item) -> str:
    page = item.page if isinstance(item, Block) else item
    return f"{page.name}:{item.line}" if isinstance(item, Block) else page.name


def compiled(block: Block) -> CodeType:
    """Compile a block so that its functions' sources are found at their lines in the page."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return compile("\n" * (block.line - 1) + block.code, str(block.page), "exec", flags)


def show_source(page: Path, shown: list[Block]) -> None:
    """Let ``inspect`` see the page as Python: its code, and blank lines for its prose."""
    lines = ["\n"] * (page.read_text(encoding="utf-8").count("\n") + 1)
    for block in shown:
        for number, line in enumerate(block.code.splitlines(keepends=True), block.line - 1):
            lines[number] = line
    linecache.cache[str(page)] = (1, None, lines, str(page))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
async def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    run = [block for block in blocks(page) if block.order is None]
    if not run:
        pytest.skip("a page without code to run")
    monkeypatch.chdir(tmp_path)
    show_source(page, run)
    names = {"__name__": "__main__", "__builtins__": __builtins__}
    async with Workspace.in_process():
        for block in run:
            if (waiting := eval(compiled(block), names)) is not None:
                assert inspect.isawaitable(waiting)
                await waiting


TESTS = [block for page in PAGES for block in blocks(page) if block.order == "pytest"]


@pytest.mark.parametrize("block", TESTS, ids=name_of)
def test_the_tests_of_a_page_pass(block, pytester):
    pytester.makepyfile(block.code)
    wanted = block.code.count("\nasync def test_") + block.code.count("\ndef test_")
    pytester.runpytest_subprocess("-p", "no:xdist").assert_outcomes(passed=wanted)


def test_every_block_left_out_says_why():
    for page in PAGES:
        for block in blocks(page):
            order = block.order or "pytest"
            assert order == "pytest" or re.fullmatch(r"skip, because .{8,}", order), (
                f"{page.name}:{block.line}: {order!r}"
            )
