"""The search for the workspace's folder: the one answer that every face uses."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from luajobs_kit import engine_address, lock_file
from luajobs_kit.errors import WorkspaceError
from luajobs_kit.state_files import open_plain, refuse_foreign

NAME: Final = ".luajobs"
_LOOKED_AT: Final = 256  # bytes of a file by which it is known


def find(path: Path | str | None = None, *, make: bool = True) -> Path:
    """Return the workspace's folder, made owner-only if there was none.

    A folder is named by ``path``, else by ``LUAJOBS_HOME``; else it is the nearest one walking
    up from the working directory that is or holds a workspace, else the working directory.
    The workspace is that folder itself where it is called ``.luajobs`` or holds the files of
    a workspace, else the ``.luajobs`` in it. What is returned is without links, and finding it
    again returns the same.

    Raises ``WorkspaceError`` when the folder belongs to another user or cannot be made, when
    something that is no file of a workspace stands in the place of one (a pipe, a folder), when
    both the folder and the ``.luajobs`` in it hold a workspace, or when there is none and
    ``make`` is false.
    """
    folder = where(path)
    if not folder.exists() and not make:
        raise WorkspaceError(
            f"There is no workspace at {folder}; `luajobs serve` or Jobs.create makes one."
        )
    real = own(_resolved(folder))
    if real.name != NAME and not holds_workspace(real):
        _mark(real)  # .luajobs is a link to it: from now on it is one by its own name, too
    return where(real)


def where(path: Path | str | None = None) -> Path:
    """Return the folder that ``find`` would return, which need not be there."""
    named = path or os.environ.get("LUAJOBS_HOME")
    return _in(_whole(named)) if named else _nearest(_whole("."))


def own(folder: Path) -> Path:
    """Return the folder, made owner-only if it was not there. Raises ``WorkspaceError``."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        uid = folder.stat().st_uid
    except OSError as problem:
        raise WorkspaceError(
            f"{folder} cannot be used as a workspace: {problem.strerror}."
        ) from problem
    if uid != os.getuid():
        raise WorkspaceError(
            f"{folder} belongs to another user (uid {uid}). Work in a folder of your own, or "
            "name one with LUAJOBS_HOME."
        )
    refuse_foreign(folder)
    return folder


def _mark(folder: Path) -> None:
    """Let the folder be known as a workspace before its first engine was there."""
    try:
        with suppress(FileExistsError), (folder / lock_file.FILE).open("xb") as file:
            file.write(b'{"pid": null, "startedAt": null}\n')
    except OSError as problem:
        raise WorkspaceError(
            f"{folder} cannot be used as a workspace: {problem.strerror}."
        ) from problem


def holds_workspace(folder: Path) -> bool:
    """Tell whether the files of a workspace are in ``folder``, by what is in them.

    Files of these names that something else wrote do not make a folder a workspace.
    """
    return any(_begins(folder / name, is_ours) for name, is_ours in _FILES.items())


def _in(folder: Path) -> Path:
    """Return the workspace that a folder is or holds, or would hold."""
    if folder.name == NAME:
        # A link is followed where what it leads to is known as a workspace by itself.
        real = _resolved(folder)
        return real if real.name == NAME or holds_workspace(real) else folder
    inner = folder / NAME
    if not holds_workspace(folder):
        return _in(inner)
    if _resolved(inner) != folder and holds_workspace(inner):
        raise WorkspaceError(
            f"Both {folder} and {inner} hold a workspace, so which one is meant cannot be told. "
            f"Move one of them away, or name the second one itself: {inner}."
        )
    return folder


def _nearest(start: Path) -> Path:
    for folder in (start, *start.parents):
        if folder.name == NAME or (folder / NAME).is_dir() or holds_workspace(folder):
            return _in(folder)
    return start / NAME


def _whole(path: Path | str) -> Path:
    """Return the path from the root, its links followed, except that the last one may stay."""
    try:
        given = Path(path).expanduser()
        # One name is kept, so that a link called .luajobs is known by its name.
        return _resolved(given.parent) / NAME if given.name == NAME else _resolved(given)
    except (OSError, RuntimeError, ValueError) as problem:
        raise WorkspaceError(f"{str(path)!r} names no folder: {problem}.") from problem


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as problem:  # links in a circle
        raise WorkspaceError(f"{path} names no folder: {problem}.") from problem


def _begins(file: Path, is_ours: Callable[[bytes], bool]) -> bool:
    try:
        with open_plain(file) as opened:
            return is_ours(opened.read(_LOOKED_AT))
    except OSError:
        return False


def _is_definitions(beginning: bytes) -> bool:
    return b'"luajobs-definitions"' in beginning


def _is_history(beginning: bytes) -> bool:
    # SQLite's header, and at 68 the number that schema.py has the file carry.
    return beginning.startswith(b"SQLite format 3\0") and beginning[68:72] == b"LuJs"


def _is_lock(beginning: bytes) -> bool:
    return beginning.startswith(b'{"pid": ') and b'"startedAt": ' in beginning


def _is_address(beginning: bytes) -> bool:
    return beginning.startswith(b'{"url": ') and b'"token": ' in beginning


_FILES: Final = {
    "definitions.json": _is_definitions,
    "definitions.journal": _is_definitions,
    "definitions.journal.old": _is_definitions,
    "history.db": _is_history,
    lock_file.FILE: _is_lock,
    engine_address.FILE: _is_address,
}
