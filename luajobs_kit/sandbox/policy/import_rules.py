# ruff: noqa: N802  # visitors are named after the syntax they visit
"""Rules for imports: each becomes a call that looks a facade up; unknown ones are refused."""

from __future__ import annotations
import __future__

import ast
from difflib import get_close_matches
from typing import Any

from luajobs_kit.guest import allowlist
from luajobs_kit.guest.guards import names
from luajobs_kit.sandbox.policy.base import RuleBase, call, located


class ImportRules(RuleBase):
    """Checks import statements, and attributes of modules."""

    def visit_Import(self, node: ast.Import) -> Any:
        statements = []
        for alias in node.names:
            self._check_module(node, alias.name)
            bound = alias.asname or alias.name.partition(".")[0]
            self.check_name(node, bound)
            whole = alias.asname or alias.name not in allowlist.MODULES
            module = alias.name if whole else bound
            statements.append(_import(bound, module, None, node))
        return statements

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        if node.level and node not in self.optional_imports:
            self.refuse(
                node,
                "A relative import has nothing to be relative to in a job.",
                "Put what you need inside the job's function.",
            )
            return node
        module = "." * node.level + (node.module or "")
        if module == "__future__" and all(
            alias.name in __future__.all_feature_names for alias in node.names
        ):
            return located(ast.Pass(), node)
        if not self._check_module(node, module):
            return node
        statements = []
        for alias in node.names:
            self._check_imported(node, module, alias.name)
            self.check_name(node, alias.asname or alias.name)
            statements.append(_import(alias.asname or alias.name, module, alias.name, node))
        return statements

    def _check_module(self, node: ast.AST, module: str) -> bool:
        if module in allowlist.MODULES or node in self.optional_imports:
            return True
        advice = allowlist.instead_of_module(module)
        if advice is None:
            close = get_close_matches(module, allowlist.MODULES, n=1, cutoff=allowlist.ALIKE)
            advice = (
                f"Did you mean {close[0]}?"
                if close
                else "Job code can import: " + ", ".join(sorted(allowlist.MODULES)) + ". "
                "For the rest offer a tool and call tools.NAME(…)."
            )
        self.refuse(node, f"The module {module} cannot be imported in job code.", advice)
        return False

    def _check_imported(self, node: ast.AST, module: str, name: str) -> None:
        if name == "*":
            self.refuse(
                node, "import * is not allowed in job code.", "Name what you need, or the module."
            )
        elif node not in self.optional_imports and name not in allowlist.MODULES[module]:
            self._refuse_member(node, module, name)

    def check_member(self, node: ast.Attribute) -> None:
        """Refuse ``module.name`` for a name that the module's facade does not have."""
        module = self._module(node.value)
        if module is None or node.attr in allowlist.MODULES[module]:
            return
        if f"{module}.{node.attr}" not in allowlist.MODULES:
            self._refuse_member(node, module, node.attr)

    def _module(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return self.module_names.get(node.id)
        if isinstance(node, ast.Attribute):
            outer = self._module(node.value)
            inner = f"{outer}.{node.attr}"
            return inner if outer is not None and inner in allowlist.MODULES else None
        return None

    def _refuse_member(self, node: ast.AST, module: str, name: str) -> None:
        advice = allowlist.instead_of_member(module, name, allowlist.MODULES[module])
        self.refuse(
            node,
            f"{module} has no {name} in job code.",
            advice or "The docs list what each module has.",
        )


def _import(bound: str, module: str, member: str | None, node: ast.stmt) -> ast.stmt:
    wanted = [ast.Constant(module)] + ([] if member is None else [ast.Constant(member)])
    value = call(names.IMPORT, *wanted)
    statement: ast.stmt = located(ast.Assign([ast.Name(bound, ast.Store())], value), node)
    return statement
