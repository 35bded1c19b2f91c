"""Reader of the corpora: files of job functions, one section each, ``=== title | expectation``.

An expectation may name several ways to end: ``policy, or raises SyntaxError``.

A file named ``since_3_12`` is of a syntax that came with that Python, and not read by others.
A hostile file begins with the classes of attack that its cases try: ``# tries: A1, A3``.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"
WITHOUT_POLICY = Path(__file__).parent / "without_policy"


@dataclass(frozen=True)
class Case:
    family: str
    title: str
    expectation: str
    source: str

    @property
    def name(self) -> str:
        return f"{self.family}: {self.title}"


def cases(kind: str) -> list[Case]:
    """Return every case of ``honest`` or ``hostile`` that this Python can read, in order."""
    return _read(FOLDER / kind)


def without_policy() -> list[Case]:
    """Return the programs for a child without a policy: who refuses one, and how that ends."""
    return _read(WITHOUT_POLICY)


def attacks_by_file() -> dict[str, list[str]]:
    """Return the classes of attack that each hostile file says it tries, of all Pythons."""
    return {
        f"{path.parent.name}/{path.name}": _tried(path)
        for folder in (FOLDER / "hostile", WITHOUT_POLICY)
        for path in sorted(folder.glob("*.job"))
    }


def _tried(path: Path) -> list[str]:
    header = path.read_text("utf-8").partition("\n")[0]
    mark, _, listed = header.partition("# tries: ")
    return [] if mark else listed.split(", ")


def _read(folder: Path) -> list[Case]:
    found: list[Case] = []
    for path in sorted(folder.glob("*.job")):
        _, since, version = path.stem.partition("since_")
        if since and sys.version_info < tuple(int(part) for part in version.split("_")):
            continue
        for section in path.read_text("utf-8").split("=== ")[1:]:
            head, _, source = section.partition("\n")
            title, _, expectation = head.partition(" | ")
            found.append(Case(path.stem, title.strip(), expectation.strip(), source))
    return found
