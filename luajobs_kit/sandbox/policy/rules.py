# ruff: noqa: N802, N815  # visitors are named after the syntax they visit
"""The rules: which syntax passes unchanged, which is guarded, which is refused with what advice.

RestrictedPython's transformer is the base. It has a list of the syntax it knows, so syntax that a
new Python adds is refused until somebody has examined it. Its guards on items and iteration are
left out: what job code reaches by an item is its own or cannot be written to, so they would only
slow honest code and change its meaning. Attributes are what leads out of a sandbox, so they are
guarded, by name.
"""

from __future__ import annotations

import ast
from typing import Any, Final

from luajobs_kit.guest import allowlist
from luajobs_kit.guest.guards import names
from luajobs_kit.sandbox.policy.base import RuleBase, call, is_field, lazy, located
from luajobs_kit.sandbox.policy.bindings import (
    defines_groups,
    modules_bound_in,
    names_bound_in,
    optional_imports,
)
from luajobs_kit.sandbox.policy.definition_rules import DefinitionRules
from luajobs_kit.sandbox.policy.import_rules import ImportRules
from luajobs_kit.sandbox.policy.patterns import PatternRules

_ASK: Final = "Ask isinstance(value, Class) or issubclass(Class, Other)."
_CALL: Final = "A function can be called, no more: pass it what it needs as arguments."

_PUBLIC: Final = (
    "Use a public method of the object instead; call an attribute of your own something without "
    "the underscores at both ends."
)

_INSTEAD: Final = {
    "__traceback__": "Print the error itself: print(repr(error)).",
    "__setattr__": "Use setattr(object, name, value).",
    "__new__": "Define it in the class.",
    "__delattr__": "Use delattr(object, name).",
    "__getattribute__": "Use getattr(object, name).",
    "__dict__": "Use object.__dict__.update(…), keep what is shared in the class, or define "
    "__getattr__ to look elsewhere.",
    "__annotations__": "Use dataclasses.fields(…) to look at a dataclass.",
    "__dataclass_fields__": "Use dataclasses.fields(…) to look at a dataclass.",
    "__subclasses__": "Keep a list of your own classes, in __init_subclass__.",
    "__wrapped__": "Keep the function under a name of its own.",
    "__self__": "Keep the object under a name of its own.",
    "__func__": "Keep the function under a name of its own.",
    "__mro__": _ASK,
    "__bases__": _ASK,
    "__base__": _ASK,
    "__globals__": "Name what you need; it is there.",
    "__builtins__": "Name what you need; it is there.",
    "__code__": _CALL,
    "__closure__": _CALL,
    "__defaults__": _CALL,
    "__kwdefaults__": _CALL,
    "__reduce__": "Use json.dumps(…), or copy.copy(…).",
    "__getstate__": "Use vars(object).",
    "__notes__": "Use error.add_note(…).",
}
"""The way out, by the attribute that is refused."""

_GUARDS: Final = dict.fromkeys(names.SETTABLE_METHODS, names.WRITE_SPECIAL) | dict.fromkeys(
    names.WRITABLE_TITLES, names.WRITE_TITLE
)
"""The guard that checks the assignment of a special attribute, by the attribute's name."""


def _record_annotation(name: str, annotation: ast.expr) -> ast.stmt:
    """Return the statement that records an annotation while a class body runs.

    Python 3.14 would compile the annotations to a function that the library calls later, with
    other names in place of the guards.
    """
    annotations = ast.Name(names.ANNOTATIONS, ast.Load())
    target = ast.Subscript(annotations, ast.Constant(name), ast.Store())
    return ast.Assign([target], annotation)


class Rules(PatternRules, DefinitionRules, ImportRules):
    """Changes a syntax tree in place, and collects what it refuses in ``refusals``."""

    def apply(self, tree: ast.Module) -> None:
        """Apply every rule to a whole source."""
        self.bound_names = names_bound_in(tree)
        self.module_names = modules_bound_in(tree)
        self.optional_imports = optional_imports(tree)
        self.defines_groups = defines_groups(tree)
        self.visit(tree)

    # Names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if isinstance(node.ctx, ast.Load):
            if node.id == "__name__":
                return node
            advice = allowlist.OUT_OF_REACH_NAMES.get(node.id)
            if advice is not None and node.id not in self.bound_names:
                self.refuse(node, f"{node.id}() does not exist in job code.", advice)
                return node
        if node.id in names.SPECIAL_METHODS:
            return node
        if self.scopes[-1] == "class" and node.id in names.CLASS_NAMES:
            return node
        if self.scopes[-1] != "class" and node.id in names.ABOUT_THE_SOURCE:
            return node
        self.check_name(node, node.id)
        return node

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> ast.AST:
        for name in node.names:
            self.check_name(node, name)
        return node

    visit_Nonlocal = visit_Global

    # Attributes

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        kind = names.kind_of(node.attr)
        if kind == "refused" or (kind == "dunder" and not isinstance(node.ctx, ast.Load)):
            return self._special_attribute(node)
        if kind in {"plain", "watched"} and isinstance(node.ctx, ast.Load):
            self.check_member(node)
        node = self.node_contents_visit(node)
        if kind == "private":
            node.attr = self._mangled(node.attr)
        if isinstance(node.ctx, ast.Load):
            if kind == "plain":
                return node
            return located(call(names.READ, node.value, ast.Constant(node.attr)), node)
        if kind == "private":
            checked = call(names.WRITE_OWN, node.value, ast.Constant(node.attr))
        else:
            checked = call(names.WRITE, node.value)
        node.value = located(checked, node.value)
        return node

    def _special_attribute(self, node: ast.Attribute) -> ast.AST:
        if node.attr in _GUARDS and isinstance(node.ctx, ast.Store):
            node = self.node_contents_visit(node)
            node.value = located(call(_GUARDS[node.attr], node.value), node.value)
            return node
        advice = _INSTEAD.get(node.attr, _PUBLIC)
        what = (
            "belongs to Python's own machinery"
            if node.attr.startswith("__")
            else "is an attribute of frames, code and suspended functions"
        )
        self.refuse(node, f".{node.attr} {what}, which job code does not reach.", advice)
        return self.node_contents_visit(node)

    def _mangled(self, name: str) -> str:
        """Return a class-private name as the compiler would make it."""
        if not name.startswith("__") or name.endswith("__") or not self.classes:
            return name
        owner = self.classes[-1].lstrip("_")
        return f"_{owner}{name}" if owner else name

    # Assignments

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        return self.node_contents_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if (
            self.scopes[-1] == "class"
            and len(node.targets) == 1
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "__match_args__"
        ):
            self._check_match_args(node.value)
            return node
        return self.node_contents_visit(node)

    def _check_match_args(self, value: ast.expr) -> None:
        """Refuse a ``__match_args__`` that is not written out: patterns read those attributes unguarded."""
        parts = value.elts if isinstance(value, ast.Tuple) else [value]
        for part in parts:
            plain = isinstance(part, ast.Constant) and isinstance(part.value, str)
            if not plain or names.kind_of(part.value) != "plain":  # type: ignore[attr-defined]  # it is a Constant
                self.refuse(
                    value,
                    "__match_args__ must be a tuple of public attributes' names.",
                    'Write it out: __match_args__ = ("x", "y").',
                )

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        of_contexts = isinstance(node.target, ast.Attribute) and (
            node.target.attr in names.OF_CONTEXTS
        )
        if (
            isinstance(node.target, ast.Attribute)
            and not of_contexts
            and names.kind_of(node.target.attr) not in {"plain", "private"}
        ):
            name = node.target.attr
            steps = "Read it, change the value, and assign it in three steps."
            advice = (
                steps if name in _GUARDS or name in names.WATCHED else _INSTEAD.get(name, _PUBLIC)
            )
            self.refuse(node, f"Changing .{name} in place is not allowed.", advice)
            return node
        # The guard returns the object itself, and Python's in-place assignment follows.
        node = self.node_contents_visit(node)
        if of_contexts:  # the attribute is read unguarded, so only of job code's own objects
            target: Any = node.target
            checked = call(names.WRITE_OWN, target.value, ast.Constant(target.attr))
            target.value = located(checked, target.value)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        target = node.target
        in_class = self.scopes[-1] == "class" and isinstance(target, ast.Name)
        if in_class and isinstance(target, ast.Name) and not is_field(target.id):
            self.refuse(node, f"{target.id} cannot be a field's name.", "Call it something else.")
        annotation = node.annotation
        node.annotation = ast.Constant(None)
        node = self.node_contents_visit(node)
        store = [] if node.value is None else [located(ast.Assign([node.target], node.value), node)]
        if in_class and node.simple:  # dataclasses, NamedTuple and TypedDict read it
            # A missing member of a module is no error in an annotation, so none is refused here.
            modules, self.module_names = self.module_names, {}
            annotation = self.visit(annotation)
            self.module_names = modules
            value = located(call(names.ANNOTATION, lazy(annotation)), annotation)
            name = self._mangled(target.id)  # type: ignore[union-attr]  # it is a Name
            return [*store, located(_record_annotation(name, value), node)]
        located(node.annotation, annotation)
        if store:
            return store
        if self.scopes[-1] == "function":
            return node  # a bare annotation makes the name local
        return located(ast.Pass(), node)

    # Control flow and comprehensions

    visit_If = visit_For = visit_AsyncFor = visit_With = visit_AsyncWith = visit_Await = (
        RuleBase.visit_parts
    )
    visit_comprehension = visit_Starred = visit_Call = visit_Module = RuleBase.visit_parts
    visit_Match = visit_match_case = visit_MatchSingleton = RuleBase.visit_parts
    visit_MatchSequence = visit_MatchOr = RuleBase.visit_parts

    def visit_TryStar(self, node: Any) -> Any:
        if self.defines_groups:
            self.refuse(
                node,
                "except* cannot stand beside an exception group class of your own.",
                "Use: except ExceptionGroup as group, and look at group.exceptions.",
            )
        node = self.node_contents_visit(node)
        for handler in node.handlers:
            if handler.type is not None:  # checked last before Python calls the group
                handler.type = located(call(names.EXCEPT_STAR, handler.type), handler.type)
        return node

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        return self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        return self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        return self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return self._comprehension(node)

    def _comprehension(self, node: ast.AST) -> ast.AST:
        self.scopes.append("function")
        node = self.node_contents_visit(node)
        self.scopes.pop()
        return node
