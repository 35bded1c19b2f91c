"""The architecture page is true: packages, names, import circles and docstrings are as it says."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
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
TREES = {name: ast.parse(file.read_text(encoding="utf-8")) for name, file in MODULES.items()}


def imported(name: str) -> set[str]:
    """Return the kit's modules that a module imports anywhere: in functions, for types only, too."""
    found = set()
    for node in ast.walk(TREES[name]):
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


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_says_its_role_in_its_first_sentence(name):
    if MODULES[name].stem == "__main__":
        return
    docstring = ast.get_docstring(TREES[name])
    assert docstring, "it has no docstring"
    assert not QUESTION.match(docstring), docstring.splitlines()[0]
