"""The names that a source binds, and to what, collected before the rules are applied.

All scopes are taken as one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from luajobs_kit.guest import allowlist


def names_bound_in(tree: ast.AST) -> set[str]:
    """Return every name that the source binds in any way."""
    return {name for node in ast.walk(tree) for name in (*_bound_by(node), *_imported_by(node))}


def modules_bound_in(tree: ast.AST) -> dict[str, str]:
    """Return the names that are only ever bound to one allowed module, with that module."""
    modules: dict[str, set[str]] = {}
    others: set[str] = set()
    for node in ast.walk(tree):
        others.update(_bound_by(node))
        if isinstance(node, ast.Import):
            for bound, module in _imported_by(node).items():
                modules.setdefault(bound, set()).add(module)
        else:
            others.update(_imported_by(node))
    return {
        name: module
        for name, (module, *more) in modules.items()
        if not more and name not in others and module in allowlist.MODULES
    }


def defines_groups(tree: ast.AST) -> bool:
    """Whether a class in the source names an exception group among its bases."""
    return any(
        isinstance(name, ast.Name) and name.id in {"ExceptionGroup", "BaseExceptionGroup"}
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        for name in ast.walk(base)
    )


def optional_imports(tree: ast.AST) -> set[ast.AST]:
    """Return the imports that may fail at run time, or that only type checkers read.

    The former stand under a ``try`` that catches ``ImportError``, the latter under
    ``if TYPE_CHECKING``, which is false in a job as it is anywhere.
    """
    return {
        statement
        for node in ast.walk(tree)
        if (isinstance(node, ast.Try) and any(map(_catches_import_error, node.handlers)))
        or (isinstance(node, ast.If) and _is_of_type_checkers(node.test))
        for statement in node.body
        if isinstance(statement, ast.Import | ast.ImportFrom)
    }


def _is_of_type_checkers(test: ast.expr) -> bool:
    name = test.id if isinstance(test, ast.Name) else getattr(test, "attr", None)
    return name == "TYPE_CHECKING"


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        isinstance(name, ast.Name) and name.id in {"ImportError", "ModuleNotFoundError"}
        for name in caught
    )


def _imported_by(node: ast.AST) -> dict[str, str]:
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return {}
    found = {}
    for alias in node.names:
        top = alias.name if isinstance(node, ast.ImportFrom) else alias.name.partition(".")[0]
        found[alias.asname or top] = alias.name if alias.asname else top
    return found


def _bound_by(node: ast.AST) -> Iterator[str]:
    name: object = None
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        name = node.id
    elif isinstance(node, ast.arg):
        name = node.arg
    elif isinstance(node, ast.MatchMapping):
        name = node.rest
    elif not isinstance(node, ast.alias):  # definitions, patterns, handlers, type parameters
        name = getattr(node, "name", None)
    if isinstance(name, str):
        yield name
