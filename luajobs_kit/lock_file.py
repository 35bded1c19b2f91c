"""The file ``lock``, as anybody may read it: the engine that took the workspace last.

The lock itself is taken by the store (``store/workspace_lock.py``); clients only read the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from luajobs_kit.state_files import open_plain

FILE: Final = "lock"
_MOST: Final = 4_096  # bytes that are read: what an owner writes is far less


@dataclass(frozen=True, slots=True)
class Owner:
    """What the lock file says of the engine that took the folder last.

    Whether that engine still holds the folder only the lock on the file says.
    """

    pid: int | None
    started_at: str | None  # ISO 8601
    id: str | None  # drawn anew by each owner; None in the file of an older kit

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return what the folder's file says, or None when there is none that can be read."""
        try:
            with open_plain(folder / FILE) as file:
                content = json.loads(file.read(_MOST).partition(b"\n")[0])
            pid, started_at, id_ = content.get("pid"), content.get("startedAt"), content.get("id")
        except (OSError, ValueError, RecursionError, AttributeError):
            return None
        return cls(
            pid=pid if isinstance(pid, int) else None,
            started_at=started_at if isinstance(started_at, str) else None,
            id=id_ if isinstance(id_, str) else None,
        )
