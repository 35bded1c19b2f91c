"""Descriptions for who chooses tools, of a function and of each argument, read from its docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, Final

_GOOGLE: Final = re.compile(r"(?:Args|Arguments|Parameters|Params):\s*")
_GOOGLE_ITEM: Final = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")
_NUMPY: Final = re.compile(r"Parameters\s*")
_NUMPY_ITEM: Final = re.compile(r"(\w+)\s*(?::.*)?")
_SPHINX_ITEM: Final = re.compile(r":param(?:\s+[^:]+)?\s+(\w+)\s*:\s*(.*)")


def described(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """Return a function's description, and its arguments' by name.

    Google's ``Args:``, numpy's ``Parameters`` and Sphinx's ``:param x:`` are read; the description
    is the rest of the docstring. One that describes no argument is returned as it stands.
    """
    text = inspect.getdoc(function) or ""
    rest: list[str] = []
    arguments: dict[str, str] = {}
    lines = text.splitlines()
    while lines:
        line = lines.pop(0)
        if sphinx := _SPHINX_ITEM.fullmatch(line):
            arguments[sphinx[1]] = _joined([sphinx[2], *_indented(lines)])
        elif _GOOGLE.fullmatch(line):
            arguments |= _items(_indented(lines), _GOOGLE_ITEM)
        elif _NUMPY.fullmatch(line) and lines and re.fullmatch("-{3,}", lines[0]):
            del lines[0]
            while lines and _NUMPY_ITEM.fullmatch(lines[0]) and lines[0].strip():
                item = _NUMPY_ITEM.fullmatch(lines.pop(0))
                assert item is not None
                arguments[item[1]] = _joined(_indented(lines))
        else:
            rest.append(line)
    known = inspect.signature(function).parameters
    arguments = {name: words for name, words in arguments.items() if name in known and words}
    if not arguments:
        return text, {}
    return re.sub(r"\n{3,}", "\n\n", "\n".join(rest)).strip(), arguments


def _indented(lines: list[str]) -> list[str]:
    """Take the indented lines at the front, and the blank ones among them."""
    taken: list[str] = []
    while lines and (not lines[0].strip() or lines[0][0].isspace()):
        taken.append(lines.pop(0))
    if taken and not taken[-1].strip() and lines:
        lines.insert(0, taken.pop())
    return taken


def _items(lines: list[str], item: re.Pattern[str]) -> dict[str, str]:
    """Return each item's text by its name; lines further in than an item go on with it."""
    depth = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    found: dict[str, list[str]] = {}
    words: list[str] = []
    for line in lines:
        begins = item.fullmatch(line.strip()) if line[depth : depth + 1].strip() else None
        if begins:
            words = found[begins[1]] = [begins[2]]
        else:
            words.append(line)
    return {name: _joined(parts) for name, parts in found.items()}


def _joined(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())
