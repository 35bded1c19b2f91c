"""Losses of earlier starts, told until someone has read of them and deletes the note."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

NOTE: Final = "damage.log"
_LONGEST: Final = 500  # lines; the first tell the most, what comes after may follow from them
_LASTING: Final = ("lost", "damaged")


def note(folder: Path, findings: list[str], now: datetime) -> list[str]:
    """Add this start's losses to the note in ``folder``; return those of earlier starts.

    What is said of a healthy end (a write that was cut short, a migration) is not noted.
    """
    path = folder / NOTE
    earlier: list[str] = []
    with suppress(OSError):
        earlier = path.read_text("utf-8", "replace").splitlines()
    noted = {line.partition(": ")[2] for line in earlier}
    told = [" ".join(each.split()) for each in findings]  # one line each
    fresh = [each for each in told if any(word in each for word in _LASTING)]
    fresh = [each for each in fresh if each not in noted][: max(0, _LONGEST - len(earlier))]
    if fresh:
        time = now.isoformat(timespec="seconds")
        text = "".join(f"{time}: {each}\n" for each in fresh)
        with suppress(OSError):  # a full disk: it is told in this life only
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
    again = [line for line in earlier if line.partition(": ")[2] not in told]
    return [f"at an earlier start, {line} (told until {NOTE} is deleted)" for line in again]
