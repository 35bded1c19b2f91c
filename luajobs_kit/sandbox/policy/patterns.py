# ruff: noqa: N802  # visitors are named after the syntax they visit
"""Rules for ``match``: a pattern reads attributes past the guards, so it may read plain ones only."""

from __future__ import annotations

import ast

from luajobs_kit.guest.guards import names
from luajobs_kit.sandbox.policy.base import RuleBase


class PatternRules(RuleBase):
    """Checks the patterns after ``case``."""

    def visit_MatchAs(self, node: ast.MatchAs) -> ast.AST:
        self.check_name(node, node.name)
        return self.visit_parts(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> ast.AST:
        self.check_name(node, node.name)
        return node

    def visit_MatchMapping(self, node: ast.MatchMapping) -> ast.AST:
        self.check_name(node, node.rest)
        self._refuse_guarded_attributes(node.keys)
        return self.visit_parts(node)

    def visit_MatchClass(self, node: ast.MatchClass) -> ast.AST:
        for name in node.kwd_attrs:
            if names.kind_of(name) != "plain":
                self.refuse(
                    node,
                    f"A pattern cannot look at the attribute {name}.",
                    "Match the class alone, and read the attribute in the case's body.",
                )
        self._refuse_guarded_attributes([node.cls])
        return self.visit_parts(node)

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        self._refuse_guarded_attributes([node.value])
        return self.visit_parts(node)

    def _refuse_guarded_attributes(self, values: list[ast.expr]) -> None:
        for value in values:
            for part in ast.walk(value):
                if isinstance(part, ast.Attribute) and names.kind_of(part.attr) != "plain":
                    self.refuse(
                        part,
                        f"A pattern cannot read the attribute {part.attr}.",
                        "Use: case value if value == …",
                    )
