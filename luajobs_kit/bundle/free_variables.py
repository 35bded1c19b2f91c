"""Free variables of a piece of source: names it takes from outside itself, with their lines."""

from __future__ import annotations

import ast
import dis
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from inspect import CO_OPTIMIZED
from types import CodeType


@dataclass(slots=True)
class Use:
    """A name from outside. ``chains`` are the dotted ways it is used, such as ``a.b.c``."""

    name: str
    line: int  # in the author's file
    rebinds: bool = False  # written by way of ``global`` or ``nonlocal``
    chains: set[str] = field(default_factory=set)


def bare_code(source: str, file: str, *, piece: bool = False) -> CodeType:
    """Return the source compiled without its annotations, which never run in a job.

    ``piece`` allows ``nonlocal`` for names of the function that the source was cut from.
    Nothing is executed. Raises what ``compile`` raises.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        for part in ("body", "orelse", "finalbody"):
            block = getattr(node, part, None)
            if isinstance(block, list):
                block[:] = [_bare(statement, piece=False) for statement in block]
    try:
        return compile(tree, file, "exec", dont_inherit=True)
    except SyntaxError:
        if not piece:
            raise
        for node in ast.walk(tree):
            block = getattr(node, "body", None)
            if isinstance(block, list):
                block[:] = [_bare(statement, piece=True) for statement in block]
        return compile(tree, file, "exec", dont_inherit=True)


def _bare(statement: ast.stmt, *, piece: bool) -> ast.stmt:
    if isinstance(statement, ast.AnnAssign):
        if statement.value is None:
            return ast.copy_location(ast.Pass(), statement)
        assigned = ast.Assign(targets=[statement.target], value=statement.value)
        return ast.copy_location(assigned, statement)
    if piece and isinstance(statement, ast.Nonlocal):
        return ast.copy_location(ast.Global(names=statement.names), statement)
    return statement


def outside_names(tree: ast.Module, code: CodeType, first_line: int) -> list[Use]:
    """Return the names that the module neither defines nor imports, in order of appearance.

    ``code`` is the tree's bare code: the compiler itself decides which names are global,
    so scopes, comprehensions, class bodies, defaults, decorators and bases are as Python
    has them.
    """
    defined = set(_written(code, top=True))
    uses: dict[str, Use] = {}
    for name, line, rebinds in _global_names(code):
        if name in defined:
            continue
        use = uses.setdefault(name, Use(name, line + first_line - 1))
        use.line = min(use.line, line + first_line - 1)
        use.rebinds = use.rebinds or rebinds
    for chain in _chains(tree, uses):
        uses[chain.partition(".")[0]].chains.add(chain)
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


def eager_names(code: CodeType) -> set[str]:
    """Return the names from outside that are read while the source's own lines are executed.

    Those are defaults, decorators, bases and class bodies; what a function reads when it is
    called is not among them.
    """
    found: set[str] = set()
    pending = [code]
    while pending:
        part = pending.pop()
        found.update(
            str(step.argval) for step in dis.get_instructions(part) if _reads_outside(step.opname)
        )
        pending += [
            each for each in part.co_consts if isinstance(each, CodeType) and _runs_at_once(each)
        ]
    return found


def _runs_at_once(code: CodeType) -> bool:
    """Tell whether code within code is a class body, a comprehension, or a type parameter's scope."""
    return not code.co_flags & CO_OPTIMIZED or (
        code.co_name != "<lambda>" and code.co_name.startswith("<")
    )


def field_annotations(tree: ast.AST) -> Iterator[ast.Name]:
    """Yield the names in annotations of class attributes: dataclasses read some, as ``ClassVar``."""
    for owner in ast.walk(tree):
        if isinstance(owner, ast.ClassDef):
            for statement in owner.body:
                if isinstance(statement, ast.AnnAssign):
                    yield from (
                        node
                        for node in ast.walk(statement.annotation)
                        if isinstance(node, ast.Name)
                    )


def _chains(tree: ast.AST, names: Container[str]) -> Iterator[str]:
    inner_links = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or id(node) in inner_links:
            continue
        parts: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            inner_links.add(id(inner))
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and inner.id in names:
            yield ".".join([inner.id, *reversed(parts)])
