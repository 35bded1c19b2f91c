"""Carried definitions: functions, classes and constants of a job's own file or notebook.

Each is carried as the text that its author wrote, and only where that text is known to give what
the name means now. Where it is not, the definition is refused with the reason: a job that runs
other code than its author's would be worse than one that is not made.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Mapping
from types import FunctionType, MethodType
from typing import Any

from luajobs_kit.bundle.constant_values import Meaning, NotConstant, evaluate
from luajobs_kit.bundle.extract_source import cut, whole_statement
from luajobs_kit.bundle.free_variables import Use
from luajobs_kit.bundle.import_lines import import_line
from luajobs_kit.bundle.locate_source import find
from luajobs_kit.bundle.module_texts import Text, bindings, cells_of, rebound_in, stands_in
from luajobs_kit.bundle.pieces import Piece, piece_of
from luajobs_kit.bundle.refusals import NotCarried
from luajobs_kit.bundle.same_values import same
from luajobs_kit.bundle.unchanged_class import ClassCheck
from luajobs_kit.errors import InvalidInput

MOST_WRAPPERS = 50  # decorators around one function


class Module:
    """The file or notebook that a job's function stands in, as its definitions know it."""

    def __init__(self, namespace: Mapping[str, Any], file: Text) -> None:
        self.namespace = namespace
        cells = cells_of(namespace)
        self._texts = cells if any(cell.file == file.file for cell in cells) else [*cells, file]

    def piece(self, use: Use) -> Piece:
        """Return the definition of a name of this module. Raises ``NotCarried``."""
        value = self.namespace[use.name]
        if isinstance(value, type) and self._is_mine(value):
            if (found := self._class_statement(use.name)) is not None:
                return self._class(use.name, value, *found)
        elif (plain := self._plain_function(value)) is not None and (
            plain.__name__ in {use.name, "<lambda>"} or "<locals>" in plain.__qualname__
        ):
            return self._function(use, value, plain)
        return self._constant(use.name)

    # Functions

    def _is_mine(self, value: type) -> bool:
        return value.__module__ == self.namespace.get("__name__") and "<" not in value.__qualname__

    def _plain_function(self, value: object) -> FunctionType | None:
        """Return the function of this module that ``value`` is, or is a wrapper of."""
        plain = _layers(value)[-1]
        if isinstance(plain, FunctionType) and plain.__globals__ is self.namespace:
            return plain
        return None

    def _function(self, use: Use, value: object, plain: FunctionType) -> Piece:
        name = use.name
        if "<locals>" in plain.__qualname__ or plain.__closure__:
            maker = plain.__qualname__.partition(".")[0]
            raise NotCarried(
                f"a function that {maker}() made, with values of its own",
                f"Write it with def at the top of the file or cell (a decorator that returns a "
                f"function of its own has to use functools.wraps), or define {name!r} inside the "
                "job's function.",
            )
        try:
            found = find(plain)
        except InvalidInput as problem:
            raise NotCarried("a function whose source is not to be had", str(problem)) from None
        text = Text(found.file, "".join(found.lines))
        if not stands_in(plain.__code__, text, self.namespace):
            raise NotCarried(
                f"a function that is not what stands at line {found.node.lineno} of {found.file}",
                "The file was changed after it was loaded: load it again (re-import, or restart "
                "the kernel).",
            )
        self._check_attributes(use, value)
        decorators = [] if isinstance(found.node, ast.Lambda) else found.node.decorator_list
        wrappers = len(_layers(value)) - 1
        if wrappers > len(decorators):
            raise NotCarried(
                "a function that was wrapped after it was defined",
                f"Write the decorator above def {name}.",
            )
        self._check_defaults(found.node.args, plain)
        if wrappers and not isinstance(found.node, ast.Lambda):
            source, first_line = whole_statement(found.node, found.lines)
        else:
            source, first_line = cut(found.node, found.lines, name)
        return piece_of((name,), "function", source, first_line, found.file)

    @staticmethod
    def _check_attributes(use: Use, value: object) -> None:
        registry = getattr(value, "registry", None)
        if isinstance(registry, types.MappingProxyType) and len(registry) > 1:
            raise NotCarried(
                "a function with implementations registered for single types",
                "Only itself would be taken along: put it and its implementations inside the job's "
                "function.",
            )
        own = set(getattr(value, "__dict__", {}))
        kept = sorted(chain for chain in use.chains if chain.split(".")[1] in own)
        if kept:
            raise NotCarried(
                f"a function with values kept on it ({kept[0]})",
                "Pass the value in with metadata.",
            )

    def _check_defaults(self, arguments: ast.arguments, function: FunctionType) -> None:
        """Raise ``NotCarried`` where a default is no longer what its line gives."""
        positional = [*arguments.posonlyargs, *arguments.args]
        given = function.__defaults__ or ()
        named: dict[str, tuple[ast.expr, object]] = {
            parameter.arg: (default, value)
            for parameter, default, value in zip(
                positional[len(positional) - len(given) :], arguments.defaults, given, strict=False
            )
        }
        named_ones = function.__kwdefaults__ or {}
        for each, keyword in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if keyword is not None:
                named[each.arg] = (keyword, named_ones.get(each.arg))
        for parameter, (default, value) in named.items():
            try:
                unchanged = same(value, self.value_of(default))
            except NotConstant as reason:
                raise NotCarried(
                    f"a function whose default for {parameter!r} is not known to stay the same "
                    f"({reason})",
                    f"Write {parameter}=None, and give it its value in the function.",
                ) from None
            if not unchanged:
                raise NotCarried(
                    f"a function whose default for {parameter!r} is no longer what its line gives",
                    f"Run the cell that defines it again, or write {parameter}=None and give it "
                    "its value in the function.",
                )

    # Classes

    def _class_statement(self, name: str) -> tuple[ast.ClassDef, Text] | None:
        for text in self._texts:
            found = bindings(text, name)
            if found:
                last = found[-1].statement
                return (last, text) if isinstance(last, ast.ClassDef) else None
        return None

    def _class(self, name: str, value: type, node: ast.ClassDef, text: Text) -> Piece:
        ClassCheck(self.namespace, self.value_of, self._plain_function).check(value, node, text)
        source, first_line = whole_statement(node, text.lines)
        return piece_of((name,), "class", source, first_line, text.file)

    # Constants

    def _constant(self, name: str) -> Piece:
        statement, text = self._assignment(name)
        writer = rebound_in(self.namespace, name)
        if writer is not None:
            raise NotCarried(f"a variable, which {writer}() changes (global {name})")
        assert statement.value is not None
        where = f"line {statement.lineno} of {text.file}"
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = [
            node.id for each in targets for node in ast.walk(each) if isinstance(node, ast.Name)
        ]
        try:
            given = self.value_of(statement.value)
            fresh = {each: _part(statement, each, given) for each in names}
        except NotConstant as reason:
            raise NotCarried(f"no constant: {reason} ({where})") from None
        for each in names:
            if not same(self.namespace.get(each), fresh[each]):
                raise NotCarried(f"a variable: {each} is no longer what {where} gives")
        source, first_line = whole_statement(statement, text.lines)
        return piece_of(tuple(names), "constant", source, first_line, text.file)

    def _assignment(self, name: str) -> tuple[ast.Assign | ast.AnnAssign, Text]:
        for text in self._texts:
            found = bindings(text, name)
            if not found:
                continue
            lines = " and ".join(str(each.statement.lineno) for each in found[:3])
            statement = found[-1].statement
            if len(found) > 1:
                raise NotCarried(f"a variable, given values at lines {lines} of {text.file}")
            if isinstance(statement, ast.ImportFrom | ast.Import):
                raise NotCarried("imported from elsewhere, and not written here")
            if found[0].nested or not isinstance(statement, ast.Assign | ast.AnnAssign):
                raise NotCarried(
                    f"a variable: line {lines} of {text.file} is no plain assignment at the top"
                )
            return statement, text
        raise NotCarried("")

    def value_of(self, expression: ast.expr, known: Mapping[str, Any] | None = None) -> Any:
        """Return what an expression at the top of this module gives. Raises ``NotConstant``.

        ``known`` are names of the class body that it stands in.
        """

        def mean(use: Use) -> Meaning | None:
            if known and use.name in known:
                held = known[use.name]
                return Meaning("own" if isinstance(held, FunctionType) else "constant", held)
            if use.name == "__name__" and _names_a_logger(expression):
                return Meaning("constant", self.namespace["__name__"])
            if use.name not in self.namespace:
                return None
            value = self.namespace[use.name]
            line = import_line(use, value)
            if line is not None:
                return Meaning("import", value, _home(line))
            if isinstance(value, type) and self._is_mine(value):
                return Meaning("own", value)
            if self._plain_function(value) is not None:
                return Meaning("own", value)
            try:
                statement, _ = self._assignment(use.name)
            except NotCarried as reason:
                raise NotConstant(f"its line uses {use.name!r}, {reason or 'a variable'}") from None
            assert statement.value is not None
            fresh = _part(statement, use.name, self.value_of(statement.value))
            if not same(value, fresh):
                raise NotConstant(f"its line uses {use.name!r}, which has been changed since")
            return Meaning("constant", fresh)

        try:
            return evaluate(expression, mean, str(self.namespace.get("__name__")))
        except RecursionError:
            raise NotConstant("its line uses itself") from None


def _layers(value: object) -> list[object]:
    """Return the value, what it wraps by functools.wraps, what that wraps, and so on."""
    found = [value]
    while len(found) < MOST_WRAPPERS and not isinstance(found[-1], MethodType):
        inner = getattr(found[-1], "__dict__", {}).get("__wrapped__")
        if inner is None:
            break
        found.append(inner)
    return found


def _part(statement: ast.Assign | ast.AnnAssign, name: str, value: Any) -> Any:
    """Return what the statement gives to ``name`` of its targets. Raises ``NotConstant``."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    for target in targets:
        if isinstance(target, ast.Name) and target.id == name:
            return value
        if isinstance(target, ast.Tuple | ast.List):
            for place, part in enumerate(target.elts):
                if isinstance(part, ast.Name) and part.id == name:
                    values = list(value)
                    if len(values) == len(target.elts):
                        return values[place]
    raise NotConstant("its line does not simply name it")


def _home(line: str) -> str:
    words = line.split()
    return f"{words[1]}.{words[3]}" if words[0] == "from" else words[1]


def _names_a_logger(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Call) and "getLogger" in ast.unparse(expression.func)
