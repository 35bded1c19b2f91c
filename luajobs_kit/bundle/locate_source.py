"""The place of a function's source: the file's lines, and the syntax node that is the function."""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import (
    AsyncGeneratorType,
    CodeType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodType,
)
from typing import Any, Literal

from luajobs_kit.bundle.module_texts import shown_file
from luajobs_kit.errors import InvalidInput

Origin = Literal["closure", "global", "builtin", "nowhere"]
_FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


_SOURCELESS = {
    "<stdin>": "Python keeps no source for what is typed or piped into it",
    "<string>": "Python keeps no source for what exec() and -c are given",
    "<timed exec>": "%%time and %%timeit keep no source",
}


class Unassigned:
    """Stands for a name of the function around, before it was given a value."""


@dataclass(frozen=True, slots=True)
class Found:
    """A function in its file; ``file`` is what people call it (``In[3]`` for a notebook cell)."""

    node: _FunctionNode
    lines: list[str]
    file: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What names from outside mean to a function, now."""

    closure: Mapping[str, object]
    module: Mapping[str, object]

    def resolve(self, name: str, *, own: bool) -> tuple[Origin, object]:
        """Return where a name comes from and its value.

        ``own`` is true for names of the function itself; its helpers do not see its closure.
        """
        if own and name in self.closure:
            return "closure", self.closure[name]
        if name in self.module:
            return "global", _arrived(self.module[name])
        if hasattr(builtins, name):
            return "builtin", getattr(builtins, name)
        return "nowhere", None


def _arrived(value: Any) -> object:
    """Return a value of a module's, and what a ``lazy import`` (Python 3.15) waited for."""
    is_lazy = type(value) is getattr(types, "LazyImportType", None)
    return value.resolve() if is_lazy else value


def check_callable(function: object) -> FunctionType:
    """Return the plain function, or raise ``InvalidInput`` saying why there is none."""
    name = getattr(function, "__qualname__", None) or type(function).__name__
    if isinstance(function, MethodType):
        raise InvalidInput(
            f"{name} is a method, and its object stays here: define a function inside the "
            "method, `async def execute(job): …`, and pass what it needs as metadata."
        )
    if isinstance(function, functools.partial):
        raise InvalidInput(
            "A functools.partial carries values along: give the function itself, and the "
            "values as metadata."
        )
    if hasattr(function, "__wrapped__"):
        raise InvalidInput(
            f"{name} is wrapped by a decorator, and the wrapper would stay here: give the "
            "function without the decorator, or do inside it what the decorator does."
        )
    if isinstance(function, CoroutineType | GeneratorType | AsyncGeneratorType):
        called = function.__name__
        function.close() if not isinstance(function, AsyncGeneratorType) else None
        raise InvalidInput(
            f"execute={called}(…) calls the function here: give the function itself, "
            f"execute={called}. The job calls it, with the job as its argument."
        )
    if not isinstance(function, FunctionType):
        raise InvalidInput(
            f"execute must be a function (or source text), not {_a(type(function).__name__)}: "
            "write `async def execute(job): …`."
        )
    return function


def scope_of(function: FunctionType) -> Scope:
    closure: dict[str, object] = {}
    cells = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
        try:
            closure[name] = cell.cell_contents
        except ValueError:
            closure[name] = Unassigned()
    return Scope(closure, function.__globals__)


def find(function: FunctionType) -> Found:
    """Return where the function stands. Raises ``InvalidInput`` when there is no source."""
    code = function.__code__
    if code.co_filename in _SOURCELESS:
        # Python 3.13 does keep the text of -c, under the name exec() gives its own texts too:
        # what is found there may be another function of the same name.
        raise InvalidInput(_no_source(function))
    try:
        lines, _ = inspect.findsource(code)
        tree = ast.parse("".join(lines))
    except (OSError, TypeError, SyntaxError) as error:
        raise InvalidInput(_no_source(function)) from error
    candidates = [node for node in _functions(tree) if _matches(node, code)]
    if len(candidates) > 1:
        candidates = [node for node in candidates if _holds(node, code)] or candidates[:1]
    if not candidates:
        raise InvalidInput(
            f"{function.__name__} is not at line {code.co_firstlineno} of {code.co_filename} any "
            "more: the file was changed after it was loaded. Load it again (re-import, or "
            "restart the kernel), or give the text with source=."
        )
    return Found(candidates[0], lines, shown_file(code.co_filename))


def _functions(tree: ast.AST) -> Iterator[_FunctionNode]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node


def _matches(node: _FunctionNode, code: CodeType) -> bool:
    if isinstance(node, ast.Lambda):
        name, first = "<lambda>", node.lineno
    else:
        name = node.name
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    parameters = [*node.args.posonlyargs, *node.args.args]
    return (
        name == code.co_name
        and first == code.co_firstlineno
        and len(parameters) == code.co_argcount
    )


def _holds(node: _FunctionNode, code: CodeType) -> bool:
    """Tell whether the code's instructions lie within the node (several lambdas on a line)."""
    start = (node.lineno, node.col_offset)
    end = (node.end_lineno or node.lineno, node.end_col_offset or 0)
    for line, end_line, column, end_column in code.co_positions():
        if line is None or end_line is None or column is None or end_column is None:
            continue
        if (line, column) == (end_line, end_column):
            continue  # belongs to the function as a whole
        if not (start <= (line, column) and (end_line, end_column) <= end):
            return False
    body = node.body if isinstance(node, ast.Lambda) else node.body[0]
    return _covers(body, code)


def _covers(body: ast.AST, code: CodeType) -> bool:
    # A lambda around another contains its instructions too, and yet is not the one meant:
    # the meant one's own instructions reach over its whole body.
    spans = [
        (line, column)
        for line, _, column, _ in code.co_positions()
        if line is not None and column is not None
    ]
    first = (getattr(body, "lineno", 0), getattr(body, "col_offset", 0))
    return not spans or first in spans


def _no_source(function: FunctionType) -> str:
    code = function.__code__
    name = function.__name__
    start = f"The source of {name} cannot be found (it was defined in {code.co_filename!r})"
    if code.co_filename in _SOURCELESS:
        start += f": {_SOURCELESS[code.co_filename]}"
    return (
        f"{start}. Put it into a file or a plain notebook cell, or give its text: "
        'source="async def execute(job): …".'
    )


def _a(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
