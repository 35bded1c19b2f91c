"""The capture of a function, source text or file as a ``Bundle``."""

from __future__ import annotations

import ast
import codecs
import textwrap
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import CodeType
from typing import Any

from luajobs_kit.bundle.belongings import Belongings
from luajobs_kit.bundle.entry_function import ENTRY, check_shape, entry_of, functions_of
from luajobs_kit.bundle.extract_source import cut
from luajobs_kit.bundle.free_variables import bare_code, field_annotations, outside_names
from luajobs_kit.bundle.import_lines import refused_imports
from luajobs_kit.bundle.inner_jobs import inner_bundles
from luajobs_kit.bundle.locate_source import check_callable, find, scope_of
from luajobs_kit.bundle.module_texts import Text
from luajobs_kit.bundle.pieces import put_ahead
from luajobs_kit.bundle.refusals import UsedBy, not_self_contained, refuse_missing
from luajobs_kit.bundle.sandbox_names import BUILTINS, KIT_NAMES
from luajobs_kit.errors import InvalidInput
from luajobs_kit.long_numbers import in_our_words
from luajobs_kit.model import Bundle

MAX_SOURCE = 256_000  # characters; the policy's own bound
MAX_PARTS = 100_000  # of the syntax tree; likewise
SHOWN = 100  # characters of a line in a message
MOST_NAMED = 50  # names that one refusal lists


def capture(
    function_or_source: Callable[..., Any] | str | Path, *, file: str | None = None
) -> Bundle:
    """Return the bundle of a function, of source text, or of a file given as a ``Path``.

    Names bound to modules that exist inside the sandbox, to their public members and to
    the kit's own names become import lines ahead of the function. ``file`` is what
    errors call the source.

    Raises ``NotSelfContained`` listing everything else that comes from outside the
    function, and ``InvalidInput`` when there is no source, no function, or one that
    cannot be a job (a method, a generator, one without a parameter for the job).
    """
    if isinstance(function_or_source, Path):
        return _from_file(function_or_source, file)
    if isinstance(function_or_source, str):
        return _from_text(function_or_source, file or "<source>")
    return _from_function(function_or_source, file)


def _from_function(function: Callable[..., Any], file: str | None) -> Bundle:
    plain = check_callable(function)
    found = find(plain)
    entry = _free_name(found.node) if isinstance(found.node, ast.Lambda) else plain.__name__
    shown = "the lambda" if isinstance(found.node, ast.Lambda) else entry
    check_shape(found.node, shown)
    source, first_line = cut(found.node, found.lines, entry)
    tree = ast.parse(source)
    code = bare_code(source, found.file, piece=True)
    job = found.node.args.posonlyargs + found.node.args.args
    text = Text(found.file, "".join(found.lines))
    belongings = Belongings(scope_of(plain), plain, entry, text)
    belongings.refusals += refused_imports(tree, shown, first_line)
    by = UsedBy(shown, job[0].arg if job else "", is_job=True)
    belongings.take(by, outside_names(tree, code, first_line))
    belongings.take_annotations(field_annotations(tree))
    if belongings.refusals:
        raise not_self_contained(shown, belongings.refusals)
    bundle = Bundle(source=source, entry=entry, first_line=first_line, file=file or found.file)
    return put_ahead(bundle, belongings.lines, belongings.pieces)


def _free_name(node: ast.Lambda) -> str:
    """Return a name for a lambda that it does not use itself."""
    used = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    name = ENTRY
    while name in used:
        name += "_"
    return name


def _from_file(path: Path, file: str | None) -> Bundle:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        utf16 = error.object.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        raise InvalidInput(
            f"The job's source file {path} is {'UTF-16' if utf16 else 'no UTF-8'} ({error}); save it "
            "as UTF-8."
        ) from error
    except OSError as error:
        raise InvalidInput(f"The job's source file {path} cannot be read: {error}.") from error
    return _from_text(text, file or str(path))


def _from_text(text: str, file: str) -> Bundle:
    text = text.removeprefix("\ufeff")  # a byte-order mark, as some editors write one
    if "\n" not in text and text.strip().endswith(".py"):
        raise InvalidInput(
            f"{text!r} looks like a file's name, but text is taken as source. "
            f"Pass Path({text.strip()!r}) to read the file."
        )
    source = _without_future(textwrap.dedent(text), file)
    tree, code = _parse(source, file)
    if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
        node = tree.body[0].value
        if isinstance(node, ast.Lambda):
            source, _ = cut(node, source.splitlines(keepends=True), ENTRY)
            source = "\n" * (node.lineno - 1) + source
            tree, code = _parse(source, file)
    entry, function = entry_of(tree, file)
    check_shape(function, entry)
    lines = _needed_imports(tree, code, entry, 1)
    return put_ahead(Bundle(source=source, entry=entry, file=file), lines)


def verify(bundle: Bundle) -> None:
    """Check again what somebody else captured; the policy checks the rest when it compiles.

    Raises ``InvalidInput`` when the source does not parse or defines no such entry, and
    ``NotSelfContained`` for names that nothing in it gives a meaning to.
    """
    tree, code = _parse(bundle.source, bundle.file, bundle.first_line)
    function = functions_of(tree).get(bundle.entry)
    if function is None:
        raise InvalidInput(
            f"The job's source ({bundle.file}) defines no function named {bundle.entry!r}.",
            field="entry",
        )
    check_shape(function, bundle.entry)
    _needed_imports(tree, code, bundle.entry, bundle.first_line)
    inner_bundles(bundle)


def _needed_imports(tree: ast.Module, code: CodeType, entry: str, first_line: int) -> list[str]:
    """Return import lines for the kit's own names used without one; refuse all other names."""
    lines: list[str] = []
    refusals = refused_imports(tree, entry, first_line)
    for use in outside_names(tree, code, first_line):
        if len(refusals) >= MOST_NAMED:
            break
        if use.name in KIT_NAMES:
            lines.append(f"from luajobs_kit import {use.name}")
        elif use.name not in BUILTINS:
            refusals.append(refuse_missing(entry, use))
    if refusals:
        raise not_self_contained(entry, refusals)
    return lines


def _without_future(source: str, file: str) -> str:
    """Take out ``from __future__`` imports: import lines may come ahead, and they must be first."""
    lines = source.splitlines(keepends=True)
    for node in _parse(source, file)[0].body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            last = node.end_lineno or node.lineno
            rest = lines[last - 1].encode()[node.end_col_offset :].decode()
            lines[node.lineno - 1 : last] = ["pass" + rest] + ["\n"] * (last - node.lineno)
    return "".join(lines)


def _parse(source: str, file: str, first_line: int = 1) -> tuple[ast.Module, CodeType]:
    if len(source) > MAX_SOURCE:
        raise InvalidInput(
            f"The job's source has {len(source)} characters; {MAX_SOURCE} is the most. Keep data "
            "out of the code: in metadata, or with Data.create(…)."
        )
    try:
        tree = ast.parse(source)
        _refuse_too_many_parts(tree, file)
        return tree, bare_code(source, file)
    except InvalidInput:
        raise
    except (RecursionError, MemoryError) as error:
        raise InvalidInput(
            f"The job's source ({file}) is nested too deeply for Python's own compiler."
        ) from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        line = line + first_line - 1 if line else None
        where = f"line {line} of {file}" if line else file
        text = (getattr(error, "text", None) or "").strip()
        text = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
        words = in_our_words(str(getattr(error, "msg", error)))
        raise InvalidInput(
            f"The job's source does not parse: {where}: {words}"
            + (f"\n    {text}" if text else ""),
            line=line,
        ) from error


def _refuse_too_many_parts(tree: ast.Module, file: str) -> None:
    if sum(1 for _ in islice(ast.walk(tree), MAX_PARTS + 1)) > MAX_PARTS:
        raise InvalidInput(
            f"The job's source ({file}) has more than {MAX_PARTS:,} parts (names, values and "
            "operations). Keep data out of the code: in metadata, or with Data.create(…)."
        )
