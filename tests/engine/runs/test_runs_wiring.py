"""The wiring of runs: parts come through the constructor, and nobody reaches into another's parts."""

import ast
from pathlib import Path

import pytest

import luajobs_kit.engine

ENGINE = Path(luajobs_kit.engine.__file__).parent
WIRED = [*sorted((ENGINE / "runs").glob("*.py")), ENGINE / "lifecycle.py"]
# Collaborators are asked by a verb. The shared state holds stores and settings, which have verbs.
STATE = {"_state": 3, "state": 3}
REACHED = dict.fromkeys(WIRED, STATE) | {ENGINE / "engine.py": {"_state": 3, "_core": 2}}
"""Of which attributes of ``self`` more than one hop may follow, and how many."""


def chain(node: ast.expr) -> list[str]:
    """Return the names of an attribute chain from its root: ``a.b.c`` is ``["a", "b", "c"]``."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [*([node.id] if isinstance(node, ast.Name) else [""]), *names[::-1]]


def targets(node: ast.AST) -> list[ast.expr]:
    """Return what a statement assigns to or deletes."""
    if isinstance(node, ast.Assign | ast.Delete):
        found = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For | ast.AsyncFor):
        found = [node.target]
    elif isinstance(node, ast.withitem):
        found = [node.optional_vars] if node.optional_vars else []
    else:
        return []
    return [each for target in found for each in ast.walk(target) if isinstance(each, ast.expr)]


def nodes(file: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("file", WIRED, ids=lambda file: file.stem)
def test_an_attribute_is_set_by_its_own_object_alone(file):
    found = [
        ast.unparse(target)
        for node in nodes(file)
        for target in targets(node)
        if isinstance(target, ast.Attribute)
        and isinstance(target.ctx, ast.Store | ast.Del)
        and chain(target)[:-1] not in (["self"], ["cls"])
    ]
    found += [
        ast.unparse(node)
        for node in nodes(file)
        if isinstance(node, ast.Call) and chain(node.func) in (["setattr"], ["delattr"])
    ]
    assert found == []


@pytest.mark.parametrize("file", WIRED, ids=lambda file: file.stem)
def test_a_private_part_is_used_by_its_own_object_alone(file):
    found = [
        ast.unparse(node)
        for node in nodes(file)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.endswith("__")
        and chain(node)[:-1] not in (["self"], ["cls"])
    ]
    assert found == []


@pytest.mark.parametrize("file", REACHED, ids=lambda file: file.stem)
def test_a_collaborator_is_asked_and_not_reached_through(file):
    found = []
    for node in nodes(file):
        if isinstance(node, ast.Attribute) and chain(node)[0] == "self":
            _, part, *hops = chain(node)
            if len(hops) > REACHED[file].get(part, 1):
                found.append(ast.unparse(node))
    assert found == []


def test_a_collaborator_reached_through_is_found():
    reached = ast.parse("self._core.runs.attempts.places.give()", mode="eval").body
    assert isinstance(reached, ast.Call)
    assert chain(reached.func) == ["self", "_core", "runs", "attempts", "places", "give"]
