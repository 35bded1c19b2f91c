"""Constants: whether a name still means what its line gives, found by evaluating the line again.

Evaluated are only expressions that do nothing but give a value: literals, containers, operators,
and calls of what jobs may import. A function of the author's own is never called.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, Literal

from luajobs_kit.bundle.free_variables import Use, outside_names
from luajobs_kit.bundle.sandbox_names import BUILTINS, KIT, missing_member

_STATEFUL: Final = {"random", "secrets", "time", "asyncio", "decimal", "calendar", KIT}
"""Modules whose functions change or ask the machine; their classes may be called."""

_CALLS_NOTHING: Final = {
    *("functools.partial", "functools.partialmethod", "functools.cmp_to_key"),
    *("collections.defaultdict", "collections.OrderedDict", "collections.namedtuple"),
    *("dataclasses.field", "typing.TypeVar", "typing.NewType", "typing.cast"),
    *("dict", "list", "tuple", "set", "frozenset", "property", "staticmethod", "classmethod"),
}
"""What may be given functions of the author's, for it keeps them and does not call them."""

_NOT_IN_CONSTANTS: Final = ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr


class NotConstant(Exception):
    """An expression is more than a constant; the message says why, to end a sentence."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name within a constant's expression means.

    ``home`` is the module it is imported from, and its name there: ``re.compile``.
    """

    kind: Literal["import", "own", "constant"]
    value: Any
    home: str = ""


Mean = Callable[[Use], Meaning | None]
"""Gives a name's meaning; None for a name of Python's own. Raises ``NotConstant``."""


def evaluate(expression: ast.expr, mean: Mean, home: str) -> Any:
    """Return the value of an expression of the module ``home``, evaluated anew. Raises ``NotConstant``."""
    if any(isinstance(node, _NOT_IN_CONSTANTS) for node in ast.walk(expression)):
        raise NotConstant("its line does more than give a value")
    statement = ast.copy_location(ast.Expr(expression), expression)
    module = ast.Module([statement], [])
    meanings: dict[str, Meaning] = {}
    for use in outside_names(module, compile(module, "<constant>", "exec"), 1):
        found = mean(use)
        if found is None:
            if use.name not in BUILTINS:
                raise NotConstant(f"its line uses {use.name!r}, which jobs do not have")
            found = Meaning("import", getattr(builtins, use.name), use.name)
        meanings[use.name] = found
        _check_members(use, found)
    _check_calls(expression, meanings)
    # TypeVar and namedtuple look for the name of the module they are called in.
    space = {"__name__": home, **{name: each.value for name, each in meanings.items()}}
    code = compile(ast.Expression(expression), "<constant>", "eval")
    try:
        return eval(code, {"__builtins__": _FOR_C_CODE, **space})  # noqa: S307  # checked above: it only gives a value
    except Exception as error:
        raise NotConstant(f"its line, evaluated again, raises {type(error).__name__}") from error


_FOR_C_CODE: Final = {"__import__": __import__}
"""Builtins without names: code written in C imports by way of them (``TypeVar`` asks for typing)."""


def _check_members(use: Use, meaning: Meaning) -> None:
    """Raise ``NotConstant`` for what a module has here and jobs have not."""
    if not isinstance(meaning.value, ModuleType):
        return
    for chain in use.chains:
        missing = missing_member(meaning.value.__name__, chain)
        if missing:
            raise NotConstant(f"jobs have no {missing}")


def _check_calls(expression: ast.expr, meanings: dict[str, Meaning]) -> None:
    calls = [node for node in ast.walk(expression) if isinstance(node, ast.Call)]
    has_functions = any(meaning.kind == "own" for meaning in meanings.values()) or any(
        isinstance(node, ast.Lambda) for node in ast.walk(expression)
    )
    for call in calls:
        root, parts = _chain(call.func)
        meaning = meanings.get(root) if root is not None else None
        if meaning is None:
            if has_functions or (root is not None and not parts):
                raise NotConstant("its line calls more than what jobs can import")
            continue  # a method of a value that was just made
        called = ".".join([root or "", *parts])
        if meaning.kind == "own":
            raise NotConstant(f"its line calls {called}(), which may do anything")
        if meaning.kind == "constant" and not parts:
            raise NotConstant(f"its line calls {called}")
        home = ".".join([meaning.home, *parts])
        if has_functions and home not in _CALLS_NOTHING:
            raise NotConstant(f"its line passes functions to {called}()")
        if meaning.kind == "import" and home.partition(".")[0] in _STATEFUL:
            target = meaning.value
            for part in parts:
                target = getattr(target, part, None)
            if home.startswith(KIT) or not isinstance(target, type):
                raise NotConstant(f"what {called}() gives differs from call to call")


def _chain(node: ast.expr) -> tuple[str | None, list[str]]:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id if isinstance(node, ast.Name) else None), parts[::-1]
