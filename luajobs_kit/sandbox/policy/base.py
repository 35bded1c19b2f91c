# visitors are named after the syntax they visit
"""What all rules share: how a refusal is noted, where in the source a node stands."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any, Final

from RestrictedPython.transformer import RestrictingNodeTransformer

from luajobs_kit.guest.guards import names

_MOST_FOUND: Final = 50
_PLACED: Final = (ast.stmt, ast.expr, ast.arg, ast.keyword, ast.alias)  # nodes with a line


@dataclass(frozen=True, slots=True)
class Rule:
    """One refusal. ``line`` counts from the beginning of the source."""

    line: int | None
    rule: str
    advice: str


class Base(RestrictingNodeTransformer):
    """A RestrictedPython transformer that notes its refusals in ``found``."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Rule] = []
        self.classes: list[str] = []
        self.scopes: list[str] = ["module"]  # module, class or function
        self.bound: set[str] = set()
        self.makes_groups = False
        self.tried: set[ast.AST] = set()  # imports that may fail: they do so while the job runs
        self.modules: dict[str, str] = {}  # names that stand for a module wherever they are read

    def refuse(self, node: ast.AST | None, rule: str, advice: str) -> None:
        self.refuse_line(getattr(node, "lineno", None), rule, advice)

    def refuse_line(self, line: int | None, rule: str, advice: str) -> None:
        found = Rule(line, rule, advice)
        if len(self.found) < _MOST_FOUND and found not in self.found:
            self.found.append(found)

    # What the base class reports in its own words.

    def error(self, node: ast.AST, info: str) -> None:
        self.refuse(node, info, "Write it another way.")

    def not_allowed(self, node: ast.AST) -> None:
        kind = type(node).__name__
        self.refuse(node, f"{kind} is not allowed in job code.", "Write it another way.")

    def check_name(
        self,
        node: Any,
        name: str | None,
        allow_magic_methods: bool = False,  # noqa: ARG002, FBT001, FBT002  # the signature is given
    ) -> None:  # the base class's signature
        if name is None or not name.startswith("__") or not names.is_dunder(name):
            return
        self.refuse(
            node,
            f"The name {name} belongs to Python itself.",
            "Use a name without the underscores at both ends.",
        )

    def as_it_is(self, node: ast.AST) -> ast.AST:
        """Visit the parts of a node that needs no rule of its own."""
        return self.node_contents_visit(node)


def is_field(name: str) -> bool:
    return names.kind_of(name) in {"plain", "private", "watched"}


def call(guard: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(guard, ast.Load()), list(arguments), [])


def lazy(value: ast.expr) -> ast.Lambda:
    """Return a function that gives ``value`` when it is called."""
    nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.Lambda(nothing, value)


def placed(new: Any, old: ast.AST) -> Any:
    """Put generated nodes where the author's stood, so that errors name the author's line."""
    for node in ast.walk(new):
        if isinstance(node, _PLACED) and not hasattr(node, "lineno"):
            ast.copy_location(node, old)
    return new
