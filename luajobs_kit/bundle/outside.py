"""Which names a piece of source takes from outside itself, and on which lines."""

from __future__ import annotations

import ast
import copy
import dis
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType


@dataclass(slots=True)
class Use:
    """A name from outside. ``chains`` are the dotted ways it is used, such as ``a.b.c``."""

    name: str
    line: int  # in the author's file
    rebinds: bool = False  # written by way of ``global`` or ``nonlocal``
    chains: set[str] = field(default_factory=set)


class _WithoutAnnotations(ast.NodeTransformer):
    """Annotations never run in a job, so what they name does not matter."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._bare(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._bare(node)

    def _bare(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        self.generic_visit(node)
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)


class _WithoutNonlocal(ast.NodeTransformer):
    """``nonlocal`` for a name that is not in the piece reads as ``global``: it is outside."""

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        return ast.copy_location(ast.Global(names=node.names), node)


def without_annotations(tree: ast.Module) -> ast.Module:
    bare = _WithoutAnnotations().visit(copy.deepcopy(tree))
    return ast.fix_missing_locations(bare)  # type: ignore[no-any-return]  # visit() is untyped


def outside_names(tree: ast.Module, first_line: int) -> list[Use]:
    """Return the names that the module neither defines nor imports, in order of appearance.

    The compiler itself decides which names are global, so scopes, comprehensions, class
    bodies, defaults, decorators and bases are as Python has them.
    """
    bare = without_annotations(tree)
    try:
        code = compile(bare, "<job>", "exec", dont_inherit=True)
    except SyntaxError:
        code = compile(_WithoutNonlocal().visit(bare), "<job>", "exec", dont_inherit=True)
    defined = set(_written(code, top=True))
    uses: dict[str, Use] = {}
    for name, line, rebinds in _global_names(code):
        if name in defined:
            continue
        use = uses.setdefault(name, Use(name, line + first_line - 1))
        use.line = min(use.line, line + first_line - 1)
        use.rebinds = use.rebinds or rebinds
    for chain in _chains(tree):
        root = chain.partition(".")[0]
        if root in uses:
            uses[root].chains.add(chain)
    return sorted(uses.values(), key=lambda use: use.line)


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _written(code: CodeType, *, top: bool) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if step.opname == "STORE_NAME" or (top and step.opname == "STORE_GLOBAL"):
            yield str(step.argval)


def _global_names(module: CodeType) -> Iterator[tuple[str, int, bool]]:
    for code in _nested(module):
        own = set(_written(code, top=False)) if code is not module else set()
        line = code.co_firstlineno
        for step in dis.get_instructions(code):
            if step.positions is not None and step.positions.lineno is not None:
                line = step.positions.lineno
            if step.opname.startswith(("STORE_GLOBAL", "DELETE_GLOBAL")):
                if code is not module:
                    yield str(step.argval), line, True
            elif _reads_outside(step.opname) and step.argval not in own:
                yield str(step.argval), line, False


def _reads_outside(operation: str) -> bool:
    # In a class body LOAD_NAME also reads the class's own names.
    return "GLOBAL" in operation or operation == "LOAD_NAME"


def _chains(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        parts: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if parts and isinstance(inner, ast.Name):
            yield ".".join([inner.id, *reversed(parts)])
