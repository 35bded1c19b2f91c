"""A job's function's belongings: import lines and definitions that it cannot do without."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from types import FunctionType

from luajobs_kit.bundle.carried_definitions import Module
from luajobs_kit.bundle.free_variables import Use, field_annotations
from luajobs_kit.bundle.import_lines import import_line, lacks_member, refused_imports
from luajobs_kit.bundle.locate_source import Origin, Scope
from luajobs_kit.bundle.module_texts import Text
from luajobs_kit.bundle.pieces import Piece, in_order
from luajobs_kit.bundle.refusals import NotCarried, Refusal, UsedBy, refuse_value
from luajobs_kit.bundle.sandbox_names import BUILTINS, KIT_NAMES

MOST_PIECES = 500
"""Definitions that one job takes along: what needs more is a package, and belongs in a tool."""


class Belongings:
    """Gathers what a function uses, and what that uses in its turn.

    ``refusals`` are what cannot be taken along.
    """

    def __init__(self, scope: Scope, function: FunctionType, entry: str, text: Text) -> None:
        self._scope = scope
        self._function = function
        self._entry = entry
        self._file = text.file
        self._module = Module(function.__globals__, text)
        self._meanings: dict[str, object] = {}
        self._pieces: dict[str, Piece] = {}
        self.lines: set[str] = set()
        self.refusals: list[Refusal] = []

    @property
    def pieces(self) -> list[Piece]:
        """The definitions, in the order in which they are to be executed."""
        return in_order(dict.fromkeys(self._pieces.values()))

    def take(self, by: UsedBy, uses: Iterable[Use]) -> None:
        """Take along what ``by`` uses, or note why that cannot be."""
        for use in uses:
            origin, value = self._scope.resolve(use.name, own=by.is_job)
            if self._is_entry(use, origin, value, own=by.is_job) or (
                use.name in BUILTINS and (origin == "builtin" or use.name[0] == "_")
            ):
                continue
            if use.name == self._entry or self._meanings.setdefault(use.name, value) is not value:
                self.refusals.append(refuse_value(by, use, origin, value, NotCarried(
                    "a name that means something else in the job's function", "Rename one of them."
                )))  # fmt: skip
                continue
            line = import_line(use, value) if origin in {"closure", "global"} else None
            if line is None and origin in {"nowhere", "builtin"} and use.name in KIT_NAMES:
                line = f"from luajobs_kit import {use.name}"
            if line is not None and not use.rebinds and not lacks_member(use, value):
                self.lines.add(line)
            elif origin == "global" and not use.rebinds and line is None:
                self._take_definition(by, use, value)
            else:
                self.refusals.append(refuse_value(by, use, origin, value))

    def take_annotations(self, names: Iterable[ast.Name]) -> None:
        """Take along the import lines of names in field annotations; the others may be missing."""
        for name in names:
            use = Use(name.id, name.lineno)
            origin, value = self._scope.resolve(use.name, own=True)
            if origin in {"closure", "global"} and use.name not in self._meanings:
                line = import_line(use, value)
                if line is not None:
                    self._meanings[use.name] = value
                    self.lines.add(line)

    def _is_entry(self, use: Use, origin: Origin, value: object, *, own: bool) -> bool:
        if use.name != self._entry or use.rebinds:
            return False
        return value is self._function or (
            own and origin != "closure" and self._function.__name__ == self._entry
        )

    def _take_definition(self, by: UsedBy, use: Use, value: object) -> None:
        if use.name in self._pieces:
            return
        if len(self._pieces) >= MOST_PIECES:
            reason = NotCarried(f"one of more than {MOST_PIECES} definitions that it needs")
            self.refusals.append(refuse_value(by, use, "global", value, reason))
            return
        try:
            piece = self._module.piece(use)
        except NotCarried as reason:
            self.refusals.append(refuse_value(by, use, "global", value, reason))
            return
        self._pieces |= dict.fromkeys(piece.names, piece)
        tree = ast.parse(piece.source)
        self.refusals += refused_imports(tree, piece.name, piece.first_line)
        where = "" if piece.file == self._file else f" of {piece.file}"
        self.take(UsedBy(piece.name, "job", is_job=False, where=where), piece.uses)
        self.take_annotations(field_annotations(tree))
