"""Cutting functions and other statements out of their file: dedented, their lines kept."""

from __future__ import annotations

import ast

_FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def cut(node: _FunctionNode, lines: list[str], entry: str) -> tuple[str, int]:
    """Return the function's source, and the line of the file its first line stands for.

    Decorators stay behind: those that wrap were refused before, and those that are left
    gave the function back as it was.
    """
    if isinstance(node, ast.Lambda):
        body = ast.get_source_segment("".join(lines), node) or ""
        return f"{entry} = ({body})\n", node.lineno
    return _dedented(node, lines, node.lineno, node.end_lineno or node.lineno), node.lineno


def _dedented(node: ast.stmt, lines: list[str], start: int, end: int) -> str:
    piece = [line.rstrip("\r\n") for line in lines[start - 1 : end]]
    indent = piece[0][: len(piece[0]) - len(piece[0].lstrip())]
    inside_text = {number - start for number in _lines_begun_inside_text(node)}
    dedented = [
        line if index in inside_text else _without(indent, line) for index, line in enumerate(piece)
    ]
    return "\n".join(dedented) + "\n"


def _without(indent: str, line: str) -> str:
    if line.startswith(indent):
        return line[len(indent) :]
    return line.lstrip()  # a comment, or a continued line further left than the function


def _lines_begun_inside_text(node: ast.AST) -> set[int]:
    """Return the lines whose beginning belongs to a string, where blanks are content."""
    found: set[int] = set()
    for piece in ast.walk(node):
        is_text = isinstance(piece, ast.JoinedStr) or (
            isinstance(piece, ast.Constant) and isinstance(piece.value, str | bytes)
        )
        if is_text:
            first, last = piece.lineno, piece.end_lineno  # type: ignore[attr-defined]  # both have them
            found.update(range(first + 1, (last or first) + 1))
    return found


def whole_statement(node: ast.stmt, lines: list[str]) -> tuple[str, int]:
    """Return a statement's source with its decorators, dedented, and its first line in the file."""
    decorators = getattr(node, "decorator_list", [])
    start = min([node.lineno, *(each.lineno for each in decorators)])
    end = node.end_lineno or node.lineno
    if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return (ast.get_source_segment("".join(lines), node) or "") + "\n", start
    return _dedented(node, lines, start, end), start
