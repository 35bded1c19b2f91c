"""The monitor's state: the live state, narrowed to the jobs its reader looks for."""

from __future__ import annotations

from itertools import islice
from typing import Final

from luajobs_kit.live.live_state import LiveState
from luajobs_kit.model import Job
from luajobs_tui.cell_text import short_schedule

WINDOW: Final = 1_000  # jobs in the table; a Textual table of more becomes slow


class MonitorState(LiveState):
    """A live state with a filter."""

    def __init__(self) -> None:
        super().__init__()
        self.filter = ""

    def narrow(self, words: str) -> None:
        """Show only jobs in which all words occur: in name, user, status, outcome or schedule."""
        if words != self.filter:
            self.filter = words
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
        if not self.filter:
            return True
        run = job.last_execution
        schedule = short_schedule(job.active_version, self.now())
        text = f"{job.name} {job.user_id or ''} {job.status} {run.status if run else ''} {schedule}"
        return all(word in text.lower() for word in self.filter.lower().split())
