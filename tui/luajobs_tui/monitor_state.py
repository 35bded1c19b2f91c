"""The monitor's state: the live state, narrowed to the jobs its reader looks for."""

from __future__ import annotations

from itertools import islice
from typing import Final

from luajobs_kit.live.live_state import LiveState
from luajobs_kit.model import Job
from luajobs_kit.model.job_query import JobQuery

WINDOW: Final = 1_000  # jobs in the table; a Textual table of more becomes slow


class MonitorState(LiveState):
    """A live state with a filter."""

    def __init__(self) -> None:
        super().__init__()
        self.filter = ""
        self._query = JobQuery.parse("")

    def narrow(self, query: str) -> None:
        """Show only the jobs that a query means. Raises ``InvalidInput`` for what is none."""
        if query != self.filter:
            self._query = JobQuery.parse(query)
            self.filter = query
            self._changed.everything = True

    def visible(self) -> list[Job]:
        """Return the jobs of the table, oldest first, at most ``WINDOW``."""
        return list(islice(filter(self.passes, self.jobs.values()), WINDOW))

    def passing(self) -> int:
        """Return how many jobs pass the filter, shown or not."""
        if not self.filter:
            return len(self.jobs)
        return sum(self.passes(job) for job in self.jobs.values())

    def passes(self, job: Job) -> bool:
        """Return whether the filter lets the job be seen."""
        return self._query.matches(job, self.now())
