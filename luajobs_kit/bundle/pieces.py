"""Pieces of a bundle: definitions that a job takes along, and the order they are executed in."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from luajobs_kit.bundle.free_variables import Use, bare_code, eager_names, outside_names
from luajobs_kit.model import Bundle, Carried, CarriedKind


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A definition as text, and what it uses itself."""

    names: tuple[str, ...]  # what it defines
    kind: CarriedKind
    source: str
    first_line: int
    file: str
    uses: tuple[Use, ...]
    eager: frozenset[str]
    """The names it reads when it is executed, and not only when it is called."""

    @property
    def name(self) -> str:
        return self.names[0]


def piece_of(
    names: tuple[str, ...], kind: CarriedKind, source: str, first_line: int, file: str
) -> Piece:
    """Return the piece with what it uses, read from its source."""
    tree, code = ast.parse(source), bare_code(source, file)
    uses = tuple(outside_names(tree, code, first_line))
    return Piece(names, kind, source, first_line, file, uses, frozenset(eager_names(code)))


def in_order(pieces: Iterable[Piece]) -> list[Piece]:
    """Return pieces in an order in which each is executed after what it needs by then."""
    by_name = {name: piece for piece in pieces for name in piece.names}
    done: list[Piece] = []
    under_way: list[Piece] = []

    def put(piece: Piece) -> None:
        if piece in done or piece in under_way:
            return
        under_way.append(piece)
        needed = [by_name[name] for name in sorted(piece.eager) if name in by_name]
        for each in needed:
            put(each)
        for each in _reached(needed, by_name):  # what a decorator or a base calls in its turn
            put(each)
        under_way.remove(piece)
        done.append(piece)

    for piece in dict.fromkeys(by_name.values()):
        put(piece)
    return done


def _reached(pieces: list[Piece], by_name: Mapping[str, Piece]) -> list[Piece]:
    found = list(pieces)
    for piece in found:
        found += [
            by_name[use.name]
            for use in piece.uses
            if use.name in by_name and by_name[use.name] not in found
        ]
    return found


def put_ahead(bundle: Bundle, imports: Iterable[str], pieces: Iterable[Piece] = ()) -> Bundle:
    """Return the bundle with import lines and definitions put ahead of its source."""
    ahead = [f"{line}\n" for line in sorted(set(imports))]
    next_line = len(ahead) + 1
    carried = []
    for piece in pieces:
        written = piece.source + ("" if piece.kind == "constant" else "\n")
        count = written.count("\n")
        place = {"line": next_line, "lines": count, "first_line": piece.first_line}
        carried += [
            Carried(name=name, kind=piece.kind, file=piece.file, **place) for name in piece.names
        ]
        ahead.append(written)
        next_line += count
    return bundle.evolve(
        source="".join(ahead) + bundle.source.rstrip() + "\n",
        first_line=bundle.first_line - next_line + 1,
        carried=carried,
    )
