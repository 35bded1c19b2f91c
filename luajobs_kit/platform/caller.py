"""The caller of a request: the user it is made for, and the run it comes from."""

from __future__ import annotations

from dataclasses import dataclass

from luajobs_kit.model import Reach


@dataclass(frozen=True, slots=True)
class Caller:
    """``user_id`` is None for a run of a pre-defined job; the rest is set for runs only."""

    user_id: str | None
    job_id: str | None = None
    job_name: str | None = None
    execution_id: str | None = None
    reach: Reach = "any"
    """Whether it reaches its own user alone, or any; a pre-defined job has none of its own."""

    @property
    def in_run(self) -> bool:
        """Whether job code asks (and not the workspace's owner)."""
        return self.execution_id is not None

    def reaches(self, user_id: str) -> bool:
        """Whether it may ask for what concerns this user."""
        return self.reach == "any" or user_id == self.user_id
