"""Which folder is the workspace."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from luajobs_kit.errors import WorkspaceError

NAME: Final = ".luajobs"


def find(path: Path | str | None = None, *, make: bool = True) -> Path:
    """Return the workspace's folder, made owner-only if there was none.

    ``path`` (a ``.luajobs`` folder, or the one it stands in), else ``LUAJOBS_HOME`` (the folder
    itself), else the nearest one walking up from the working directory, else one made here.

    Raises ``WorkspaceError`` when the folder belongs to another user or cannot be made, or
    when there is none and ``make`` is false.
    """
    folder = where(path)
    if not folder.exists() and not make:
        raise WorkspaceError(
            f"There is no workspace at {folder}; `luajobs serve` or Jobs.create makes one."
        )
    return own(folder)


def where(path: Path | str | None = None) -> Path:
    """Return the folder that ``find`` would return, which need not be there."""
    return _named(path) or _home() or _nearest(Path.cwd())


def own(folder: Path) -> Path:
    """Return the folder, made owner-only if it was not there. Raises ``WorkspaceError``."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.stat().st_uid
    except OSError as problem:
        raise WorkspaceError(
            f"{folder} cannot be used as a workspace: {problem.strerror}."
        ) from problem
    if owner != os.getuid():
        raise WorkspaceError(
            f"{folder} belongs to another user (uid {owner}). Work in a folder of your own, or "
            "name one with LUAJOBS_HOME."
        )
    return folder


def _home() -> Path | None:
    named = os.environ.get("LUAJOBS_HOME")
    return Path(named).expanduser().absolute() if named else None


def _named(path: Path | str | None) -> Path | None:
    if not path:
        return None
    named = Path(path).expanduser().absolute()
    return named if named.name == NAME else named / NAME


def _nearest(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / NAME).is_dir():
            return folder / NAME
    return start / NAME
