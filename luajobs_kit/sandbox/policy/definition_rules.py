# ruff: noqa: N802, N815  # visitors are named after the syntax they visit
"""Rules for definitions: functions, their parameters, classes, type parameters."""

from __future__ import annotations

import ast
import copy
from typing import Any, Final

from luajobs_kit.guest.guards import names
from luajobs_kit.sandbox.policy.base import RuleBase, call, lazy, located

_RENAME_IT: Final = (
    "Give the method a name of its own; usual special methods such as __init__, __repr__ or "
    "__eq__ are fine."
)
_COPIES: Final = "Nothing is pickled in a job. Define __copy__ or __deepcopy__ for copies."
_CHECKS: Final = "Use typing.Protocol with @runtime_checkable, or a function that looks at a value."

_INSTEAD: Final = {
    "__del__": "Define __enter__ and __exit__ and use with, or clean up in finally.",
    "__getattribute__": "Define __getattr__: it is asked for what is not there. Or use a property.",
    "__reduce__": _COPIES,
    "__reduce_ex__": _COPIES,
    "__getstate__": _COPIES,
    "__setstate__": _COPIES,
    "__getnewargs__": _COPIES,
    "__instancecheck__": _CHECKS,
    "__subclasscheck__": _CHECKS,
    "__subclasshook__": _CHECKS,
    "__replace__": "Define a method of your own, such as replace(self, **changes).",
    "__fspath__": "Job code has no files.",
}
"""The way out, by the method that is refused."""


def _records_annotation(statement: ast.stmt) -> bool:
    """Whether a statement of a transformed class body records an annotation."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return False
    return any(
        isinstance(node, ast.Name) and node.id == names.ANNOTATIONS for node in ast.walk(statement)
    )


class DefinitionRules(RuleBase):
    """Checks definitions, and tracks the scopes they open."""

    def visit_arg(self, node: ast.arg) -> ast.AST:
        self.check_name(node, node.arg)
        node.annotation = None
        node.type_comment = None
        return node

    def visit_FunctionDef(self, node: Any) -> ast.AST:
        if node.name not in names.SPECIAL_METHODS:
            self._check_definition(node)
        node.returns = None
        node.type_comment = None
        decorators = [self._decorator(each, node.args) for each in node.decorator_list]
        node.decorator_list = []
        node.args = self.visit(node.args)
        self.scopes.append("function")
        node = self.node_contents_visit(node)
        self.scopes.pop()
        node.decorator_list = decorators
        return node  # type: ignore[no-any-return]

    visit_AsyncFunctionDef = visit_FunctionDef

    def _decorator(self, node: ast.expr, parameters: ast.arguments) -> Any:
        """Pass ``@function.register`` the first parameter's annotation, by which it dispatches.

        Annotations of parameters are dropped otherwise.
        """
        decorator: Any = self.visit(node)
        if not (isinstance(node, ast.Attribute) and node.attr == "register"):
            return decorator
        every = [each.annotation for each in (*parameters.posonlyargs, *parameters.args)]
        first = next((each for each in every if each is not None), None)  # self has none
        if first is None:
            return decorator
        annotation = self.visit(copy.deepcopy(first))
        return located(call(names.REGISTER, decorator, lazy(annotation)), node)

    def _check_definition(self, node: Any) -> None:
        if not names.is_dunder(node.name):
            return
        if self.scopes[-1] == "class":
            self.refuse(
                node,
                f"A class in job code cannot define {node.name}.",
                _INSTEAD.get(node.name, _RENAME_IT),
            )
        else:
            self.check_name(node, node.name)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        node.args = self.visit(node.args)
        self.scopes.append("function")
        node.body = self.visit(node.body)
        self.scopes.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.check_name(node, node.name)
        for keyword in node.keywords:
            if keyword.arg == "metaclass":
                self.refuse(
                    node,
                    "metaclass= is not allowed in job code.",
                    "Inherit from abc.ABC, or use a decorator or __init_subclass__.",
                )
        for part in ("bases", "keywords", "decorator_list"):
            setattr(node, part, [self.visit(each) for each in getattr(node, part)])
        # Bases, keywords and decorators belong to the scope around the class.
        outer = node.bases, node.keywords, node.decorator_list
        node.bases, node.keywords, node.decorator_list = [], [], []
        self.classes.append(node.name)
        self.scopes.append("class")
        node = self.node_contents_visit(node)
        self.scopes.pop()
        self.classes.pop()
        node.bases, node.keywords, node.decorator_list = outer
        if any(_records_annotation(each) for each in node.body):
            after = 0 if ast.get_docstring(node, clean=False) is None else 1
            annotations = ast.Name(names.ANNOTATIONS, ast.Store())
            empty = located(ast.Assign([annotations], ast.Dict([], [])), node)
            node.body.insert(after, empty)
        return node

    # Type parameters (Python 3.12)

    def _type_parameter(self, node: Any) -> ast.AST:
        self.check_name(node, node.name)
        return self.visit_parts(node)

    visit_TypeVar = visit_ParamSpec = visit_TypeVarTuple = _type_parameter
    visit_TypeAlias = RuleBase.visit_parts
