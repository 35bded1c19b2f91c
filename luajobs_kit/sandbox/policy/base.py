# visitors are named after the syntax they visit
"""The transformer under all rules: it records refusals, and gives new nodes their line."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any, Final

from RestrictedPython.transformer import RestrictingNodeTransformer

from luajobs_kit.guest.guards import names

_MOST_BROKEN: Final = 50
_LOCATED: Final = (ast.stmt, ast.expr, ast.arg, ast.keyword, ast.alias)  # nodes that have a line


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """One broken rule, with its line in the source (from 1), the rule, and the way out."""

    line: int | None
    rule: str
    advice: str


class RuleBase(RestrictingNodeTransformer):
    """A RestrictedPython transformer that collects the broken rules instead of printing them."""

    def __init__(self) -> None:
        super().__init__()
        self.broken_rules: list[BrokenRule] = []
        self.classes: list[str] = []  # names of the classes around a node
        self.scopes: list[str] = ["module"]  # around a node: module, class or function
        self.bound_names: set[str] = set()
        self.defines_groups = False
        self.optional_imports: set[ast.AST] = set()  # those that may fail when the job runs
        self.module_names: dict[str, str] = {}  # what a name is, if always one module

    def refuse(self, node: ast.AST | None, rule: str, advice: str) -> None:
        """Record that the rule refuses ``node``, and how its author can do without."""
        self.refuse_line(getattr(node, "lineno", None), rule, advice)

    def refuse_line(self, line: int | None, rule: str, advice: str) -> None:
        broken = BrokenRule(line, rule, advice)
        if len(self.broken_rules) < _MOST_BROKEN and broken not in self.broken_rules:
            self.broken_rules.append(broken)

    # RestrictedPython calls these three for what it refuses itself.

    def error(self, node: ast.AST, info: str) -> None:
        self.refuse(node, info, "Write it another way.")

    def not_allowed(self, node: ast.AST) -> None:
        kind = type(node).__name__
        self.refuse(node, f"{kind} is not allowed in job code.", "Write it another way.")

    def check_name(
        self,
        node: Any,
        name: str | None,
        allow_magic_methods: bool = False,  # noqa: ARG002, FBT001, FBT002  # the base class's signature
    ) -> None:
        if name is None or not name.startswith("__") or not names.is_dunder(name):
            return
        self.refuse(
            node,
            f"The name {name} belongs to Python itself.",
            "Use a name without the underscores at both ends.",
        )

    def visit_parts(self, node: ast.AST) -> ast.AST:
        """Leave the node as it is, and visit its parts."""
        return self.node_contents_visit(node)


def is_field(name: str) -> bool:
    """Whether a class may have an annotated field of this name."""
    return names.kind_of(name) in {"plain", "private", "watched"}


def call(guard: str, *arguments: ast.expr) -> ast.Call:
    """Return a call of the guard with that name."""
    return ast.Call(ast.Name(guard, ast.Load()), list(arguments), [])


def lazy(value: ast.expr) -> ast.Lambda:
    """Return a lambda that evaluates ``value`` when it is called."""
    nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.Lambda(nothing, value)


def located(new: Any, old: ast.AST) -> Any:
    """Return ``new`` with the line of ``old``, so that errors name the author's line."""
    for node in ast.walk(new):
        if isinstance(node, _LOCATED) and not hasattr(node, "lineno"):
            ast.copy_location(node, old)
    return new
