"""Difference between two versions of a job: the fields, and the code as a unified diff."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from luajobs_kit.errors import NotFound
from luajobs_kit.model import FieldChange, JobVersion, changed_fields


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """The fields that differ, and the code as a unified diff. Empty (and false) when alike."""

    one: str
    other: str
    fields: tuple[FieldChange, ...]
    code: str

    def __bool__(self) -> bool:
        return bool(self.fields or self.code)

    def __str__(self) -> str:
        if not self:
            return f"{self.one} and {self.other} are alike"
        lines = [f"{self.one} → {self.other}"]
        lines += [f"{one.field}: {one.before!r} → {one.after!r}" for one in self.fields]
        return "\n".join([*lines, *([self.code] if self.code else [])])

    __repr__ = __str__


def diff_versions(one: JobVersion, other: JobVersion) -> VersionDiff:
    """Return what differs from ``one`` to ``other``."""
    code = "\n".join(
        difflib.unified_diff(
            one.bundle.source.splitlines(),
            other.bundle.source.splitlines(),
            one.version,
            other.version,
            lineterm="",
        )
    )
    fields = tuple(change for change in changed_fields(one, other) if change.field != "code")
    return VersionDiff(one.version, other.version, fields, code)


def pick(versions: Sequence[JobVersion], wanted: str, job: str) -> JobVersion:
    """Return the version with that id or number. Raises ``NotFound``."""
    for version in versions:
        if wanted in {version.id, version.version}:
            return version
    listed = ", ".join(version.version for version in versions)
    raise NotFound(f"{job} has no version {wanted!r}; it has: {listed}.", version=wanted)
