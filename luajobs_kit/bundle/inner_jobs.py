"""Jobs that a job creates: the functions it gives to ``Jobs.create(execute=…)``, each as a bundle.

A run has no text of its own functions, so they are found in the source beforehand. Nothing is
executed and no value is known: a name means what one statement of the source gives it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from luajobs_kit.author_lines import author_line
from luajobs_kit.bundle.entry_function import ENTRY, FunctionNode, check_shape
from luajobs_kit.bundle.extract_source import cut, whole_statement
from luajobs_kit.bundle.free_variables import Use, bare_code, outside_names
from luajobs_kit.bundle.module_texts import bindings_in
from luajobs_kit.bundle.pieces import Piece, piece_of, put_ahead
from luajobs_kit.bundle.sandbox_names import BUILTINS, KIT_NAMES
from luajobs_kit.errors import NotSelfContained
from luajobs_kit.model import Bundle, CarriedKind

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
_SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class _Given:
    """A value given as ``execute=`` and the functions around it, the outermost first."""

    value: ast.expr
    around: tuple[FunctionNode, ...]


def function_key(file: str, line: int, name: str) -> str:
    """Return by what a function is known: where it stands. ``name`` of a lambda is ``<lambda>``."""
    return f"{file}:{line}:{name}"


def inner_bundles(bundle: Bundle) -> dict[str, Bundle]:
    """Return the bundle of each function that the source gives to ``Jobs.create``, by its key.

    Raises ``NotSelfContained`` for one that is no function of the source, or that needs more than
    what stands at its top.
    """
    if "execute" not in bundle.source or "create" not in bundle.source:
        return {}
    tree = ast.parse(bundle.source)
    source = _Source(bundle, tree)
    found: dict[str, Bundle] = {}
    for given in _given(tree, ()):
        key, inner = source.bundle_of(given)
        if found.setdefault(key, inner) != inner:
            raise source.refused(given.value, "one of two lambdas of a line. Give it a name.")
    return found


def _given(node: ast.AST, around: tuple[FunctionNode, ...]) -> Iterator[_Given]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        owner = node.func.value
        if node.func.attr == "create" and isinstance(owner, ast.Name) and owner.id == "Jobs":
            for keyword in node.keywords:
                if keyword.arg == "execute":
                    yield _Given(keyword.value, around)
    inside = (*around, node) if isinstance(node, _SCOPES) else around
    for each in ast.iter_child_nodes(node):
        yield from _given(each, inside)


class _Source:
    def __init__(self, bundle: Bundle, tree: ast.Module) -> None:
        self._bundle = bundle
        self._tree = tree
        self._lines = [f"{line}\n" for line in bundle.source.split("\n")]

    def bundle_of(self, given: _Given) -> tuple[str, Bundle]:
        """Return a function's key and its bundle."""
        node, around = self._function(given)
        if getattr(node, "decorator_list", None):
            raise self.refused(given.value, "a function with decorators: leave them out.")
        name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
        check_shape(node, name)
        entry = ENTRY if isinstance(node, ast.Lambda) else name
        source, line = cut(node, self._lines, entry)
        file, first_line = author_line(self._bundle.segments, line)
        pieces: dict[tuple[int, int], Piece] = {}
        imports: set[str] = set()
        uses = outside_names(ast.parse(source), bare_code(source, file, piece=True), line)
        self._take(uses, entry, around, pieces, imports)
        inner = Bundle(source=source, entry=entry, first_line=first_line, file=file)
        in_order = [pieces[place] for place in sorted(pieces)]
        return function_key(file, first_line, name), put_ahead(inner, imports, in_order)

    def _function(self, given: _Given) -> tuple[FunctionNode, tuple[FunctionNode, ...]]:
        value, around = given.value, given.around
        if isinstance(value, ast.Lambda):
            return value, around
        if not isinstance(value, ast.Name):
            raise self.refused(value, "an expression.")
        while True:
            found = list(bindings_in(_body(around, self._tree), value.id))
            is_parameter = bool(around) and value.id in _parameters(around[-1])
            if found or is_parameter or not around:
                break
            around = around[:-1]
        statement = found[0].statement if len(found) == 1 and not is_parameter else None
        if isinstance(statement, _FUNCTIONS):
            return statement, around
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Lambda):
            return statement.value, around
        raise self.refused(value, "a name that one def of this source does not settle.")

    def _take(
        self,
        uses: list[Use],
        entry: str,
        around: tuple[FunctionNode, ...],
        pieces: dict[tuple[int, int], Piece],
        imports: set[str],
    ) -> None:
        """Add the statements that give the names their meaning, and what those use."""
        for use in uses:
            if use.name == entry:
                continue
            found = list(bindings_in(self._tree.body, use.name))
            for scope in around:
                inner = list(bindings_in(_body((scope,), self._tree), use.name))
                if use.name in _parameters(scope) or any(
                    not isinstance(each.statement, ast.Import | ast.ImportFrom) for each in inner
                ):
                    raise self._closure(use, entry)
                found = inner or found
            if use.rebinds:
                raise self._closure(use, entry)
            if not found:
                if use.name in KIT_NAMES:
                    imports.add(f"from luajobs_kit import {use.name}")
                elif use.name not in BUILTINS:
                    raise self._closure(use, entry)
                continue
            statement = found[0].statement
            if isinstance(statement, ast.Import | ast.ImportFrom):
                imports.add(_import_of(statement, use.name))
            elif len(found) > 1 or found[0].nested:
                raise self._closure(use, entry)
            elif (place := (statement.lineno, statement.col_offset)) not in pieces:
                piece = pieces[place] = self._piece(statement, use.name)
                self._take(list(piece.uses), entry, (), pieces, imports)

    def _piece(self, statement: ast.stmt, name: str) -> Piece:
        source, line = whole_statement(statement, self._lines)
        file, first_line = author_line(self._bundle.segments, line)
        kind: CarriedKind = "constant"
        if isinstance(statement, _FUNCTIONS):
            kind = "function"
        elif isinstance(statement, ast.ClassDef):
            kind = "class"
        piece = piece_of((name,), kind, source, line, file)  # its uses at lines of this source
        return replace(piece, first_line=first_line)

    def refused(self, node: ast.expr, what: str) -> NotSelfContained:
        """Return the refusal of a value given as ``execute=``."""
        file, line = author_line(self._bundle.segments, node.lineno)
        where = f"line {line}" if file == self._bundle.file else f"line {line} of {file}"
        return NotSelfContained(
            f"{self._bundle.entry} gives Jobs.create execute={ast.unparse(node):.60} ({where}), {what} "
            "A job that creates a job gives it a function of its own source by name, or text: "
            'source="async def execute(job): …".',
            function=self._bundle.entry,
            names=[{"name": ast.unparse(node)[:60], "line": line, "text": what}],
        )

    def _closure(self, use: Use, entry: str) -> NotSelfContained:
        _, line = author_line(self._bundle.segments, use.line)
        text = (
            f"{entry}, which Jobs.create is given inside the job, uses {use.name!r} (line {line}), "
            f"which belongs to the function around it, or is no single definition at the top. Jobs "
            f'run isolated: pass it in with metadata={{"{use.name}": …}} and read '
            f'job.metadata["{use.name}"].'
        )
        names = [{"name": use.name, "line": line, "text": text}]
        return NotSelfContained(text, function=entry, names=names)


def _body(around: tuple[FunctionNode, ...], tree: ast.Module) -> list[ast.stmt]:
    if not around:
        return tree.body
    body = around[-1].body
    return body if isinstance(body, list) else [ast.copy_location(ast.Expr(body), body)]


def _parameters(node: FunctionNode) -> set[str]:
    return {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}


def _import_of(statement: ast.Import | ast.ImportFrom, name: str) -> str:
    """Return an import line for the one name of those that the statement imports."""
    alias = next(
        each for each in statement.names if (each.asname or each.name.partition(".")[0]) == name
    )
    if isinstance(statement, ast.Import):
        return ast.unparse(ast.Import([alias]))
    return ast.unparse(ast.ImportFrom(statement.module, [alias], statement.level))
