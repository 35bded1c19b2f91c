"""The rules: which syntax passes as it is, which is guarded, which is refused with what advice.

RestrictedPython's transformer is the base: its list of allowed syntax decides what is
known at all (what a new Python adds is refused until somebody has looked at it). Its
guards on items and iteration are left out: everything job code can reach by an item is
its own or cannot be written, so they would only slow honest code and change its
meaning. What leads out of a sandbox is attributes, so those are guarded, by name.
"""

from __future__ import annotations

import __future__

import ast
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from RestrictedPython.transformer import RestrictingNodeTransformer

from luajobs_kit.guest import catalog, names

_MOST_FOUND: Final = 50


@dataclass(frozen=True, slots=True)
class Rule:
    """One refusal. ``line`` counts from the beginning of the source."""

    line: int | None
    rule: str
    advice: str


class Rules(RestrictingNodeTransformer):  # type: ignore[misc]  # the library is untyped
    """Changes a syntax tree in place and collects what it refuses in ``found``."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Rule] = []
        self._classes: list[str] = []
        self._scopes: list[str] = ["module"]  # module, class or function
        self._bound: set[str] = set()

    def judge(self, tree: ast.Module) -> None:
        self._bound = _names_bound_in(tree)
        self.visit(tree)

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
        if kind == "TryStar":
            self.refuse(
                node,
                "except* is not allowed in job code.",
                "Use: except ExceptionGroup as group, and look at group.exceptions.",
            )
        else:
            self.refuse(node, f"{kind} is not allowed in job code.", "Write it another way.")

    # Names

    def check_name(self, node: Any, name: str | None, allow_magic_methods: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002  # the base class's signature
        if name is None or not name.startswith("__") or not names.is_dunder(name):
            return
        self.refuse(
            node,
            f"The name {name} belongs to Python itself.",
            "Use a name without the underscores at both ends.",
        )

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if isinstance(node.ctx, ast.Load):
            if node.id == "__name__":
                return node
            advice = catalog.OUT_OF_REACH_NAMES.get(node.id)
            if advice is not None and node.id not in self._bound:
                self.refuse(node, f"{node.id}() does not exist in job code.", advice)
        if self._scopes[-1] == "class" and node.id in names.CLASS_NAMES:
            return node
        self.check_name(node, node.id)
        return node

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> ast.AST:
        for name in node.names:
            self.check_name(node, name)
        return node

    visit_Nonlocal = visit_Global

    def visit_arg(self, node: ast.arg) -> ast.AST:
        self.check_name(node, node.arg)
        node.annotation = None
        node.type_comment = None
        return node

    # Attributes

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        kind = names.kind_of(node.attr)
        if kind == "refused" or (kind == "dunder" and not isinstance(node.ctx, ast.Load)):
            return self._other_attribute(node)
        node = self.node_contents_visit(node)
        if kind == "private":
            node.attr = self._mangled(node.attr)
        if isinstance(node.ctx, ast.Load):
            if kind == "plain":
                return node
            return _placed(_call(names.READ, node.value, ast.Constant(node.attr)), node)
        guard = names.WRITE_OWN if kind == "private" else names.WRITE
        node.value = _placed(_call(guard, node.value), node.value)
        return node

    def _other_attribute(self, node: ast.Attribute) -> ast.AST:
        if node.attr in names.WRITABLE_TITLES and isinstance(node.ctx, ast.Store):
            node = self.node_contents_visit(node)
            node.value = _placed(_call(names.WRITE_TITLE, node.value), node.value)
            return node
        advice = {
            "__traceback__": "Print the error itself: print(repr(error)).",
            "__setattr__": "Use setattr(object, name, value).",
            "__annotations__": "Use dataclasses.fields(…) to look at a dataclass.",
            "__subclasses__": "Keep a list of your own classes.",
            "__wrapped__": "Keep the function under a name of its own.",
        }.get(node.attr, "Use a public method of the object instead.")
        what = (
            "belongs to Python's own machinery"
            if node.attr.startswith("__")
            else "is an attribute of frames, code and suspended functions"
        )
        self.refuse(node, f".{node.attr} {what}, which job code does not reach.", advice)
        return self.node_contents_visit(node)

    def _mangled(self, name: str) -> str:
        """Return a class-private name as the compiler would make it."""
        if not name.startswith("__") or name.endswith("__") or not self._classes:
            return name
        owner = self._classes[-1].lstrip("_")
        return f"_{owner}{name}" if owner else name

    # Assignments

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        return self.node_contents_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if (
            self._scopes[-1] == "class"
            and len(node.targets) == 1
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "__match_args__"
        ):
            self._check_match_args(node.value)
            return node
        return self.node_contents_visit(node)

    def _check_match_args(self, value: ast.expr) -> None:
        """Patterns read the attributes it lists past the guards, so it must be seen here."""
        parts = value.elts if isinstance(value, ast.Tuple) else [value]
        for part in parts:
            plain = isinstance(part, ast.Constant) and isinstance(part.value, str)
            if not plain or not _is_field(part.value):  # type: ignore[attr-defined]  # it is a Constant
                self.refuse(
                    value,
                    "__match_args__ must be a tuple of public attributes' names.",
                    'Write it out: __match_args__ = ("x", "y").',
                )

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        if isinstance(node.target, ast.Attribute) and names.kind_of(node.target.attr) not in {
            "plain",
            "private",
        }:
            self.refuse(
                node,
                f"Changing .{node.target.attr} in place is not allowed.",
                "Read it, change the value, and assign it in three steps.",
            )
            return node
        # The guard returns the object itself, so Python's own in-place assignment follows.
        return self.node_contents_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        in_class = self._scopes[-1] == "class" and isinstance(node.target, ast.Name)
        if in_class and not _is_field(node.target.id):
            self.refuse(
                node,
                f"{node.target.id} cannot be a field's name.",
                "Call it something else.",
            )
        annotation = node.annotation
        node.annotation = ast.Constant(None)
        node = self.node_contents_visit(node)
        if in_class:  # dataclasses, NamedTuple and TypedDict read it
            annotation = self.visit(annotation)
            empty = ast.arguments(
                posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[]
            )
            node.annotation = _placed(
                _call(names.ANNOTATION, ast.Lambda(empty, annotation)), annotation
            )
            return node
        _placed(node.annotation, annotation)
        if node.value is not None:
            return _placed(ast.Assign([node.target], node.value), node)
        if self._scopes[-1] == "function":
            return node  # it makes the name local
        return _placed(ast.Pass(), node)

    # Flow: as it is

    def _as_it_is(self, node: ast.AST) -> ast.AST:
        return self.node_contents_visit(node)  # type: ignore[no-any-return]

    visit_For = visit_AsyncFor = visit_With = visit_AsyncWith = visit_Await = _as_it_is
    visit_comprehension = visit_Starred = visit_Call = visit_Module = _as_it_is
    visit_Match = visit_match_case = visit_MatchValue = visit_MatchSingleton = _as_it_is
    visit_MatchSequence = visit_MatchOr = _as_it_is

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        return self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        return self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        return self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return self._comprehension(node)

    def _comprehension(self, node: ast.AST) -> ast.AST:
        self._scopes.append("function")
        node = self.node_contents_visit(node)
        self._scopes.pop()
        return node

    # Patterns

    def visit_MatchAs(self, node: ast.MatchAs) -> ast.AST:
        self.check_name(node, node.name)
        return self._as_it_is(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> ast.AST:
        self.check_name(node, node.name)
        return node

    def visit_MatchMapping(self, node: ast.MatchMapping) -> ast.AST:
        self.check_name(node, node.rest)
        self._no_guarded_value(node.keys)
        return self._as_it_is(node)

    def visit_MatchClass(self, node: ast.MatchClass) -> ast.AST:
        for name in node.kwd_attrs:
            if names.kind_of(name) != "plain":
                self.refuse(
                    node,
                    f"A pattern cannot look at the attribute {name}.",
                    "Match the class alone, and read the attribute in the case's body.",
                )
        self._no_guarded_value([node.cls])
        return self._as_it_is(node)

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        self._no_guarded_value([node.value])
        return self._as_it_is(node)

    def _no_guarded_value(self, values: list[ast.expr]) -> None:
        for value in values:
            for part in ast.walk(value):
                if isinstance(part, ast.Attribute) and names.kind_of(part.attr) != "plain":
                    self.refuse(
                        part,
                        f"A pattern cannot read the attribute {part.attr}.",
                        "Use: case value if value == …",
                    )

    # Functions and classes

    def visit_FunctionDef(self, node: Any) -> ast.AST:
        if not (self._scopes[-1] == "class" and node.name in names.SPECIAL_METHODS):
            self._check_definition(node)
        node.returns = None
        node.type_comment = None
        decorators = [self.visit(decorator) for decorator in node.decorator_list]
        node.decorator_list = []
        node.args = self.visit(node.args)
        self._scopes.append("function")
        node = self.node_contents_visit(node)
        self._scopes.pop()
        node.decorator_list = decorators
        return node  # type: ignore[no-any-return]

    visit_AsyncFunctionDef = visit_FunctionDef

    def _check_definition(self, node: Any) -> None:
        if not names.is_dunder(node.name):
            return
        if self._scopes[-1] == "class":
            self.refuse(
                node,
                f"A class in job code cannot define {node.name}.",
                "Give the method a name of its own; usual special methods such as __init__, "
                "__repr__ or __eq__ are fine.",
            )
        else:
            self.check_name(node, node.name)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        node.args = self.visit(node.args)
        self._scopes.append("function")
        node.body = self.visit(node.body)
        self._scopes.pop()
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
        kept = node.bases, node.keywords, node.decorator_list
        node.bases, node.keywords, node.decorator_list = [], [], []
        self._classes.append(node.name)
        self._scopes.append("class")
        node = self.node_contents_visit(node)
        self._scopes.pop()
        self._classes.pop()
        node.bases, node.keywords, node.decorator_list = kept
        return node

    # Type parameters (Python 3.12)

    def _type_parameter(self, node: Any) -> ast.AST:
        self.check_name(node, node.name)
        return self._as_it_is(node)

    visit_TypeVar = visit_ParamSpec = visit_TypeVarTuple = _type_parameter
    visit_TypeAlias = _as_it_is

    # Imports

    def visit_Import(self, node: ast.Import) -> Any:
        statements = []
        for alias in node.names:
            self._check_module(node, alias.name)
            self.check_name(node, alias.asname)
            bound = alias.asname or alias.name.partition(".")[0]
            module = alias.name if alias.asname else bound
            statements.append(_import(bound, module, None, node))
        return statements

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        if node.level:
            self.refuse(
                node,
                "A relative import has nothing to be relative to in a job.",
                "Put what you need inside the job's function.",
            )
            return node
        module = node.module or ""
        if module == "__future__" and all(
            alias.name in __future__.all_feature_names for alias in node.names
        ):
            return _placed(ast.Pass(), node)
        if not self._check_module(node, module):
            return node
        statements = []
        for alias in node.names:
            self._check_imported(node, module, alias.name)
            self.check_name(node, alias.asname)
            statements.append(_import(alias.asname or alias.name, module, alias.name, node))
        return statements

    def _check_module(self, node: ast.AST, module: str) -> bool:
        if module in catalog.MODULES:
            return True
        top = module.partition(".")[0]
        advice = catalog.OUT_OF_REACH.get(module) or catalog.OUT_OF_REACH.get(top)
        if advice is None:
            close = get_close_matches(module, catalog.MODULES, n=1)
            advice = (
                f"Did you mean {close[0]}?"
                if close
                else "Job code can import: " + ", ".join(sorted(catalog.MODULES)) + "."
            )
        self.refuse(node, f"The module {module} cannot be imported in job code.", advice)
        return False

    def _check_imported(self, node: ast.AST, module: str, name: str) -> None:
        if name == "*":
            self.refuse(
                node, "import * is not allowed in job code.", "Name what you need, or the module."
            )
        elif name not in catalog.MODULES[module]:
            close = get_close_matches(name, catalog.MODULES[module], n=1)
            self.refuse(
                node,
                f"{module} has no {name} in job code.",
                f"Did you mean {close[0]}?" if close else "The docs list what each module has.",
            )


def _names_bound_in(tree: ast.AST) -> set[str]:
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add(node.asname or node.name)
    return bound


def _is_field(name: str) -> bool:
    return names.kind_of(name) in {"plain", "private"}


def _call(guard: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(guard, ast.Load()), list(arguments), [])


def _import(bound: str, module: str, member: str | None, node: ast.stmt) -> ast.stmt:
    value: ast.expr = _call(names.IMPORT, ast.Constant(module))
    if member is not None:
        value = ast.Attribute(value, member, ast.Load())
    statement: ast.stmt = _placed(ast.Assign([ast.Name(bound, ast.Store())], value), node)
    return statement


def _placed(new: Any, old: ast.AST) -> Any:
    """Put generated nodes where the author's stood, so that errors name the author's line."""
    for node in ast.walk(new):
        if "lineno" in node._attributes and not hasattr(node, "lineno"):
            ast.copy_location(node, old)
    return new
