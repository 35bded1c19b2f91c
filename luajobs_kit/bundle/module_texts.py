"""The texts that gave a module its names: its file, or the cells of its notebook.

Text is read here, and nothing is executed.
"""

from __future__ import annotations

import ast
import dis
import linecache
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any, Final

_SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_FUTURES = 0x1FE0000  # the flags of ``from __future__`` imports, as code objects keep them


@dataclass(frozen=True, slots=True)
class Text:
    """A file's text, or a cell's; ``file`` is what people call it (``In[3]`` for a cell)."""

    file: str
    source: str

    @property
    def tree(self) -> ast.Module:
        """Its syntax tree, which nobody changes. Raises ``SyntaxError``."""
        return _parsed(self.source)

    @property
    def lines(self) -> list[str]:
        return [f"{line}\n" for line in self.source.split("\n")]


@dataclass(frozen=True, slots=True)
class Binding:
    """A statement that gives a name a value; ``nested`` within another one, such as ``if``."""

    statement: ast.stmt
    nested: bool


@lru_cache(maxsize=256)
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


def cells_of(namespace: Mapping[str, Any]) -> list[Text]:
    """Return the cells that were run in a notebook's namespace, the newest first; else nothing."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or shell.user_ns is not namespace:
        return []
    numbered: list[tuple[int, int, Text]] = []
    for file, entry in list(linecache.cache.items()):
        named = shown_file(file)
        number = re.fullmatch(r"In\[(\d+)\]", named)
        if number and len(entry) > 1:  # not one whose lines are yet to be read
            numbered.append((int(number[1]), len(numbered), Text(named, "".join(entry[2]))))
    return [text for _, _, text in sorted(numbered, key=lambda each: each[:2], reverse=True)]


def shown_file(file: str) -> str:
    """Return ``In[3]`` for the file of a notebook's third cell, any other name as it is."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    label = getattr(getattr(shell, "compile", None), "format_code_name", None)
    named = label(file) if label is not None else None
    return str(named[1]) if named else file


def bindings(text: Text, name: str) -> list[Binding]:
    """Return what binds the name in a text, outside its functions and classes."""
    if name not in text.source:
        return []
    try:
        return list(bindings_in(text.tree.body, name))
    except (SyntaxError, ValueError, RecursionError):
        return []


def bindings_in(body: list[ast.stmt], name: str, *, nested: bool = False) -> Iterator[Binding]:
    """Yield what binds the name in a module's or function's body, outside inner scopes."""
    for statement in body:
        if isinstance(statement, _SCOPES):
            if statement.name == name:
                yield Binding(statement, nested)
            continue
        blocks = [
            block
            for node in (
                statement,
                *getattr(statement, "handlers", ()),
                *getattr(statement, "cases", ()),
            )
            for part in ("body", "orelse", "finalbody")
            if isinstance(block := getattr(node, part, None), list)
        ]
        inner = {id(each) for block in blocks for each in block}
        only_declares = isinstance(statement, ast.AnnAssign) and statement.value is None
        if not only_declares and any(_binds(node, name) for node in _own_nodes(statement, inner)):
            yield Binding(statement, nested)
        for block in blocks:
            yield from bindings_in(block, name, nested=True)


def _own_nodes(statement: ast.stmt, inner: set[int]) -> Iterator[ast.AST]:
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        yield node
        if isinstance(
            node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
        ):
            continue
        pending += [each for each in ast.iter_child_nodes(node) if id(each) not in inner]


def _binds(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Name):
        return node.id == name and not isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.alias):
        return (node.asname or node.name.partition(".")[0]) == name
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return node.name == name
    return isinstance(node, ast.MatchMapping) and node.rest == name


def stands_in(code: CodeType, text: Text, namespace: Mapping[str, Any]) -> bool:
    """Tell whether the text, compiled now, has this very code at the same line.

    It has not where a file was edited after it was loaded.
    """
    if "@pytest_ar" in namespace:  # pytest has compiled the module's asserts to other code
        return True
    try:
        codes = _codes(text.source, code.co_flags & _FUTURES)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return any(
        alike_code(code, each) for each in codes.get((code.co_name, code.co_firstlineno), ())
    )


@lru_cache(maxsize=64)
def _codes(source: str, flags: int) -> dict[tuple[str, int], list[CodeType]]:
    flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    found: dict[tuple[str, int], list[CodeType]] = {}
    pending = [compile(source, "<compared>", "exec", flags, dont_inherit=True)]
    while pending:
        code = pending.pop()
        found.setdefault((code.co_name, code.co_firstlineno), []).append(code)
        pending += [each for each in code.co_consts if isinstance(each, CodeType)]
    return found


def alike_code(one: CodeType, other: CodeType) -> bool:
    """Tell whether two code objects do the same, wherever they stand."""
    return _content(one) == _content(other)


def _content(code: CodeType) -> list[object]:
    """Return what a code object does, without what depends on the lines around it.

    Python compiles ``json.dumps`` in other steps where it sees the import line of ``json``.
    """
    steps = [
        (
            _ALIKE.get(step.opname, step.opname),
            None if step.opcode in _JUMPS else _shown(step.argval),
        )
        for step in dis.get_instructions(code)
        if step.opname not in _PASSING
    ]
    constants = [_shown(each) for each in code.co_consts]
    return [code.co_names, code.co_varnames, code.co_freevars, constants, steps]


def _shown(value: object) -> object:
    return _content(value) if isinstance(value, CodeType) else repr(value)


_JUMPS: Final = {*dis.hasjrel, *dis.hasjabs}
_PASSING: Final = {"PUSH_NULL", "PRECALL", "CACHE", "RESUME", "NOP", "EXTENDED_ARG", "KW_NAMES"}
_ALIKE: Final = {"LOAD_METHOD": "LOAD_ATTR"}


def rebound_in(namespace: Mapping[str, Any], name: str) -> str | None:
    """Return the name of a function of this module that assigns ``name`` by ``global``, or None."""
    for value in list(namespace.values()):
        functions = [value]
        if isinstance(value, type) and value.__module__ == namespace.get("__name__"):
            functions = list(vars(value).values())
        for function in functions:
            if not isinstance(function, FunctionType) or function.__globals__ is not namespace:
                continue
            if _stores_global(function.__code__, name):
                return function.__name__
    return None


def _stores_global(code: CodeType, name: str) -> bool:
    if name in code.co_names and any(
        step.argval == name and step.opname in {"STORE_GLOBAL", "DELETE_GLOBAL"}
        for step in dis.get_instructions(code)
    ):
        return True
    return any(_stores_global(each, name) for each in code.co_consts if isinstance(each, CodeType))
