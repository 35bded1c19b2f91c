"""The architecture page and CONTRIBUTING.md are true: paths, packages, floors, names, docstrings."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TOPS = {"luajobs_kit": ROOT / "luajobs_kit", "luajobs_tui": ROOT / "tui" / "luajobs_tui"}
# The front door names every public type for type checkers, and imports none of them.
FRONT_DOORS = {"luajobs_kit", "luajobs_tui"}
QUESTION = re.compile(r"(What|How|Which|Where|Whether|Who|Whose|When|Why)\b")


def modules() -> dict[str, Path]:
    """Return every module of the kit by its dotted name; a package by its own."""
    found = {}
    for top, folder in TOPS.items():
        for file in folder.rglob("*.py"):
            parts = (top, *file.relative_to(folder).with_suffix("").parts)
            found[".".join(parts).removesuffix(".__init__")] = file
    return found


MODULES = modules()


@cache
def tree(name: str) -> ast.Module:
    """Return a module's syntax tree; each worker imports this file, and one of them needs it."""
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def imported(name: str) -> set[str]:
    """Return the kit's modules that a module imports anywhere: in functions, for types only, too."""
    found = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                member = f"{node.module}.{alias.name}"
                found.add(member if member in MODULES else node.module)
    return {each for each in found if each in MODULES} - {name}


def circles() -> list[list[str]]:
    """Return the strongly connected groups of more than one module (Tarjan's algorithm)."""
    arrows = {name: imported(name) - FRONT_DOORS for name in MODULES if name not in FRONT_DOORS}
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in arrows[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = []
            while not group or group[-1] != name:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for name in arrows:
        if name not in index:
            visit(name)
    return sorted(found)


def test_no_modules_import_each_other_in_a_circle():
    assert circles() == []


def test_nothing_inside_imports_the_package_root():
    inside = [name for name in MODULES if name.startswith("luajobs_kit.")]
    faces = ("luajobs_kit.cli", "luajobs_kit.examples", "luajobs_kit.widgets", "luajobs_kit.magics")
    importers = [
        name for name in inside if "luajobs_kit" in imported(name) and not name.startswith(faces)
    ]
    assert importers == []


def test_every_package_is_named_on_the_page():
    packages = [name for name, file in MODULES.items() if file.name == "__init__.py"]
    paths = [
        name.replace(".", "/").replace("luajobs_tui", "tui/luajobs_tui", 1) + "/"
        for name in packages
        if name not in FRONT_DOORS
    ]
    assert [path for path in paths if f"`{path}`" not in PAGE] == []


def floors() -> dict[str, int]:
    """Return the floor of every package named on the page, by its dotted name."""
    found, floor = {}, 0
    for row, names in re.findall(r"^\| ?(\d?) ?\| (`.+?`) \|", PAGE, re.MULTILINE):
        floor = int(row) if row else floor  # a row without a number belongs to the floor above it
        for path in re.findall(r"`(?:tui/)?(\w+(?:/\w+)*)/?(?:\.py)?`", names):
            found[path.replace("/", ".")] = floor
    return found


FLOORS = floors()


def floor_of(name: str) -> int:
    """Return the floor of a module: that of the nearest package above it, else the lowest."""
    if name in {"luajobs_kit.magics", "luajobs_kit.testing"}:
        return FLOORS["luajobs_kit.widgets"]
    while name and name not in FLOORS:
        name = name.rpartition(".")[0]
    return FLOORS.get(name, 0)


def test_no_module_imports_from_a_floor_above_its_own():
    upwards = [
        f"{name} imports {other}"
        for name in MODULES
        if name not in FRONT_DOORS
        for other in imported(name) - FRONT_DOORS
        if floor_of(other) > floor_of(name)
    ]
    assert upwards == []


PATH = re.compile(
    r"`((?:luajobs_kit|tui|tests|docs|notebooks|benchmarks|\.ci)/[\w./-]*|\w+\.(?:toml|md))`"
)


@pytest.mark.parametrize("page", [PAGE, CONTRIBUTING], ids=["architecture", "contributing"])
def test_every_path_that_a_page_names_exists(page):
    links = [link for link in re.findall(r"\]\(([^)#:]+)\)", page) if page is CONTRIBUTING]
    named = {*PATH.findall(page), *links}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_test_folder_is_named_in_contributing():
    folders = [each for each in (ROOT / "tests").iterdir() if list(each.glob("**/test_*.py"))]
    named = [f"`tests/{each.name}/`" for each in folders]
    assert [name for name in sorted(named) if name not in CONTRIBUTING] == []


def test_the_readme_leads_to_both_pages():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "](docs/architecture.md)" in readme
    assert "](CONTRIBUTING.md)" in readme


def recurring() -> set[str]:
    """Return the names that the page lists as the same thing seen from several sides."""
    [line] = re.findall(r"^Names that recur: (.+)\.$", PAGE, re.MULTILINE)
    return set(re.findall(r"`(\w+)`", line))


def test_a_file_name_has_one_meaning():
    homes = defaultdict(list)
    for name, file in MODULES.items():
        if file.stem not in {"__init__", "__main__"}:
            homes[file.stem].append(name)
    within = [
        names
        for names in homes.values()
        if len({".".join(each.split(".")[:2]) for each in names}) < len(names)
    ]
    across = {stem for stem, names in homes.items() if len(names) > 1}
    assert within == []
    assert across == recurring()


def test_a_module_says_its_role_in_its_first_sentence():
    docstrings = {
        name: ast.get_docstring(tree(name)) or "(none)"
        for name in MODULES
        if MODULES[name].stem != "__main__"
    }
    telling_none = [
        f"{name}: {docstring.splitlines()[0]}"
        for name, docstring in docstrings.items()
        if docstring == "(none)" or QUESTION.match(docstring)
    ]
    assert telling_none == []
