"""Classes of a job's module: whether one still is what its statement defines."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field
from enum import Enum
from types import CodeType, FunctionType
from typing import Any, Final

from luajobs_kit.bundle.constant_values import NotConstant
from luajobs_kit.bundle.module_texts import Text, stands_in
from luajobs_kit.bundle.refusals import NotCarried
from luajobs_kit.bundle.same_values import same

_FUNCTIONS: Final = ast.FunctionDef | ast.AsyncFunctionDef
_PLAIN: Final = ast.Pass | ast.Expr | ast.Assign | ast.AnnAssign | ast.ClassDef
_UNKNOWN: Final = object()


class ClassCheck:
    """Checks classes of one module.

    ``value_of(expression, names of the class body)`` evaluates, ``function_of(member)`` gives the
    module's own function that a member is or wraps.
    """

    def __init__(
        self,
        namespace: Mapping[str, Any],
        value_of: Callable[[ast.expr, Mapping[str, Any]], Any],
        function_of: Callable[[object], FunctionType | None],
    ) -> None:
        self._namespace = namespace
        self._value_of = value_of
        self._function_of = function_of

    def check(self, value: type, node: ast.ClassDef, text: Text) -> None:
        """Raise ``NotCarried`` where ``value`` may be other than what the statement gives."""
        again = f"Run the cell (or file) that defines {node.name} again before the job is made."
        for base in node.bases:
            now = self._namespace.get(base.id) if isinstance(base, ast.Name) else None
            earlier = isinstance(now, type) and now not in value.__mro__
            if earlier and now.__module__ == value.__module__:
                raise NotCarried(f"a class made of an earlier {base.id}", again)  # type: ignore[attr-defined]  # it is a name
        bound = set(self._names_bound(value, node, text))
        for member, held in vars(value).items():
            for code in self._codes_of(held):
                if not stands_in(code, text, self._namespace):
                    raise NotCarried(f"a class whose {member}() is not what stands there", again)
            if not member.startswith("_") and member not in bound:
                raise NotCarried(f"a class that was given {member!r} after it was defined", again)

    def _names_bound(self, value: type, node: ast.ClassDef, text: Text) -> Iterator[str]:
        """Yield the names that the class body binds, each checked."""
        body: dict[str, Any] = {}
        for statement in node.body:
            if isinstance(statement, _FUNCTIONS):
                body[statement.name] = vars(value).get(statement.name)
                yield statement.name
            elif not isinstance(statement, _PLAIN):
                raise NotCarried(
                    f"a class whose body does more than define (line {statement.lineno} of "
                    f"{text.file})",
                    f"Define {node.name} inside the job's function.",
                )
            elif isinstance(statement, ast.ClassDef):
                inner = vars(value).get(statement.name)
                if isinstance(inner, type):
                    self.check(inner, statement, text)
                    body[statement.name] = inner
                yield statement.name
            elif isinstance(statement, ast.Assign | ast.AnnAssign):
                yield from self._attributes(value, statement, body)

    def _attributes(
        self, value: type, statement: ast.Assign | ast.AnnAssign, body: dict[str, Any]
    ) -> list[str]:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if statement.value is None or not names or all(each.startswith("__") for each in names):
            return names
        cure = f"Set {names[0]} in __init__, or define {value.__name__} inside the job's function."
        try:
            given = self._value_of(statement.value, body)
        except NotConstant as reason:
            raise NotCarried(
                f"a class whose {names[0]} may not stay the same ({reason})", cure
            ) from None
        for each in names:
            body[each] = given
            held = _held(value, each)
            written = given.default if isinstance(given, Field) else given
            if held is not _UNKNOWN and written is not MISSING and not same(held, written):
                raise NotCarried(f"a class whose {each} is no longer what its line gives", cure)
        return names

    def _codes_of(self, held: object) -> list[CodeType]:
        """Return the code of a class's member that is, or wraps, functions written in this module."""
        parts = [held]
        if isinstance(held, property):
            parts = [held.fget, held.fset, held.fdel]
        elif isinstance(held, staticmethod | classmethod):
            parts = [held.__func__]
        plain = filter(None, map(self._function_of, parts))
        return [each.__code__ for each in plain if each.__code__.co_filename != "<string>"]


def _held(owner: type, name: str) -> Any:
    """Return what a class holds for an attribute as it was written, where that can be told."""
    if issubclass(owner, Enum) and name in owner.__members__:
        return _UNKNOWN  # a member, which nothing can change
    defaults = getattr(owner, "_field_defaults", {})  # of a named tuple
    held = defaults[name] if name in defaults else vars(owner).get(name, _UNKNOWN)
    made = isinstance(held, types.MemberDescriptorType | property | staticmethod | classmethod)
    return _UNKNOWN if made else held
