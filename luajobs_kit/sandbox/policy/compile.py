"""The compiler of job code: ordinary Python in, guarded bytecode or refusals out.

It executes nothing of what it compiles. It runs in a spare child, so a crash of Python's own
compiler costs that child only.
"""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from luajobs_kit.author_lines import Segment, author_line
from luajobs_kit.guest.guards import names
from luajobs_kit.sandbox.policy.base import BrokenRule
from luajobs_kit.sandbox.policy.rules import Rules

POLICY: Final = "1"
"""The policy's version; part of the key under which compiled code is cached."""

MAX_SOURCE: Final = 256_000  # characters
MAX_NODES: Final = 100_000  # of the syntax tree; about 10,000 lines of everyday code
_LINE_ENDS: Final = re.compile(r"\r\n?|\n")  # as Python counts lines; str.splitlines splits at more
FURTHEST_LINE: Final = 10_000_000  # of a first line, in either direction


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that the policy refuses: its line, the text there, the rule, and the way out."""

    line: int | None  # in the author's file
    text: str
    rule: str
    advice: str
    file: str


class SourceRefused(Exception):  # named for what happened
    """The source uses what the policy refuses."""

    def __init__(self, violations: list[Violation]) -> None:
        first = violations[0]
        where = "" if first.line is None else f"line {first.line}: "
        more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
        super().__init__(f"{where}{first.rule} {first.advice}{more}")
        self.violations = violations


Code = types.CodeType | tuple[types.CodeType, ...]


def compile_source(
    source: str,
    *,
    file: str,
    first_line: int,
    entry: str,
    segments: Sequence[Segment] = (),
) -> Code:
    """Return ``source`` compiled under the policy; its line numbers are the author's.

    ``segments`` say which lines come from where; by default all are those of ``file`` from
    ``first_line`` on. Where they come from several files, the code is in as many parts as have to
    be executed one after the other: a code object has one file.

    Raises ``SourceRefused`` with everything the policy refuses, ``SyntaxError`` (the author's
    line in ``lineno``) for what is no Python, and ``ValueError`` for what cannot be
    compiled at all.
    """
    if len(source) > MAX_SOURCE:
        raise ValueError(f"the source has {len(source)} characters; {MAX_SOURCE} are allowed")
    places = tuple(segments) or (Segment(1, first_line, file),)
    for place in places:
        if abs(place.first_line) > FURTHEST_LINE:
            raise ValueError(
                f"first_line is {place.first_line}; it must be within ±{FURTHEST_LINE}"
            )
    try:
        return _compile(source, places, entry)
    except SyntaxError as error:
        where = (error.filename, error.lineno, error.offset, error.text)
        raise SyntaxError(error.msg, where) from None
    except RecursionError:
        raise ValueError("the source is nested too deeply to be compiled; split it up") from None
    except MemoryError:
        raise ValueError("the source takes too much memory to compile; make it simpler") from None
    except UnicodeError as error:
        raise ValueError(f"the source holds text that is not Unicode: {error.reason}") from None  # type: ignore[attr-defined]


def _compile(source: str, places: tuple[Segment, ...], entry: str) -> Code:
    try:
        tree = ast.parse(source)
        if any(getattr(node, "is_lazy", False) for node in ast.walk(tree)):
            # Raises where a lazy import may not stand.
            compile(tree, places[-1].file, "exec", dont_inherit=True)
    except SyntaxError as error:
        error.filename = places[-1].file
        if error.lineno is not None:
            error.filename, error.lineno = author_line(places, error.lineno)
        raise
    rules = Rules()
    if _more_nodes_than(tree, MAX_NODES):
        raise ValueError(f"the source has more than {MAX_NODES} parts; split it up")
    rules.apply(tree)
    parameters = _check_entry(tree, entry, rules)
    if rules.broken_rules:
        lines = _LINE_ENDS.split(source)
        raise SourceRefused([_violation(broken, lines, places) for broken in rules.broken_rules])
    wrapper = [_entry_without_parameters(entry)] if parameters == 0 else []
    if len(places) == 1:  # its statements may share lines with one another
        tree.body += wrapper
        _number_lines(tree, places[0].first_line - 1)
        return compile(tree, places[0].file, "exec", dont_inherit=True)
    parts = []
    for file, statements in groupby(tree.body, lambda each: author_line(places, each.lineno)[0]):
        part = ast.Module([*statements], [])
        for statement in part.body:
            _number_lines(statement, author_line(places, statement.lineno)[1] - statement.lineno)
        parts.append((part, file))
    parts[-1][0].body += wrapper
    return tuple(compile(part, file, "exec", dont_inherit=True) for part, file in parts)


def _violation(broken: BrokenRule, lines: list[str], places: tuple[Segment, ...]) -> Violation:
    if broken.line is None:
        return Violation(None, "", broken.rule, broken.advice, places[-1].file)
    text = lines[broken.line - 1].strip() if broken.line <= len(lines) else ""
    file, line = author_line(places, broken.line)
    return Violation(line, text[:200], broken.rule, broken.advice, file)


def _more_nodes_than(tree: ast.AST, most: int) -> bool:
    return any(count >= most for count, _ in enumerate(ast.walk(tree)))


def _check_entry(tree: ast.Module, entry: str, rules: Rules) -> int:
    """Return how many arguments the entry function is called with: 0 or 1; record refusals."""
    found: ast.arguments | None = None
    line = None
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == entry:
            found, line = node.args, node.lineno
            if node.decorator_list:  # the decorator decides what it takes
                found = None
                return 1
        elif (
            isinstance(node, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == entry for target in node.targets)
        ) or (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.target.id == entry
        ):
            line = node.lineno
            if not isinstance(node.value, ast.Lambda):
                return 1
            found = node.value.args
    if found is None:
        rules.refuse(
            None,
            f"There is no function {entry!r} at the top level of the source.",
            f"Define it: async def {entry}(job): …",
        )
        return 1
    positional = [*found.posonlyargs, *found.args]
    needed = len(positional) - len(found.defaults)
    keywords = [
        argument.arg
        for argument, default in zip(found.kwonlyargs, found.kw_defaults, strict=True)
        if default is None
    ]
    if needed > 1 or keywords:
        extra = ", ".join([argument.arg for argument in positional[1:needed]] + keywords)
        rules.refuse_line(
            line,
            f"{entry}() is called with one argument, the job; nothing gives it {extra}.",
            'Pass values in metadata and read them from job.metadata["…"].',
        )
    return 1 if positional or found.vararg else 0


def _entry_without_parameters(entry: str) -> ast.Assign:
    """Return the assignment that wraps an entry without parameters, so that it can take the job."""
    call = ast.Call(ast.Name(names.NO_ARGUMENT, ast.Load()), [ast.Name(entry, ast.Load())], [])
    statement = ast.Assign([ast.Name(entry, ast.Store())], call)
    statement.lineno = 1
    return ast.fix_missing_locations(statement)


def _number_lines(tree: ast.AST, shift: int) -> None:
    """Shift every node to the author's line; a line before the file's first becomes line 1."""
    if shift == 0:
        return
    for each in ast.walk(tree):
        if not hasattr(each, "lineno"):
            continue
        node: Any = each
        end = getattr(node, "end_lineno", None) or node.lineno
        node.lineno += shift
        node.end_lineno = end + shift
        if node.lineno < 1:
            node.lineno = 1
            node.col_offset = 0
            if node.end_lineno <= 1:
                node.end_lineno = 1
                node.end_col_offset = 0
