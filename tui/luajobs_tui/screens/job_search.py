"""The search line: it filters the jobs or searches the log, and leads back again."""

from __future__ import annotations

from typing import Final, Literal

from textual import on

from luajobs_kit.errors import InvalidInput
from luajobs_tui.cell_text import clip
from luajobs_tui.screens.job_actions import JobActions
from luajobs_tui.widgets.detail import Detail
from luajobs_tui.widgets.job_table import JobTable
from luajobs_tui.widgets.search_bar import SearchBar

PROBLEM: Final = 40  # cells for what is wrong with a query, beside the query


class JobSearch(JobActions):
    """A screen with a search line."""

    def paint_soon(self) -> None:
        """Have what changed painted shortly, together with what else changes until then."""
        raise NotImplementedError

    def paint_now(self) -> None:
        """Paint what would be painted shortly: the next key is about what it shows."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # While something is typed, / is a letter.
        typing = action == "find" and self.query_one(SearchBar).has_focus_within
        return False if typing else super().check_action(action, parameters)

    def action_back(self) -> None:
        """Leave the lower half; at the table, take the filter away."""
        if self.query_one(JobTable).has_focus and self.state.filter:
            self._filtered("")
            self.query_one(SearchBar).display = False
        self._to_table()

    def _to_table(self) -> None:
        self.paint_now()
        self.set_focus(self.query_one(JobTable))

    def action_find(self) -> None:
        detail = self.query_one(Detail)
        purpose: Literal["filter", "search"] = (
            "search" if detail.has_focus_within and detail.topic == "log" else "filter"
        )
        self.query_one(SearchBar).open(purpose, self.state.filter if purpose == "filter" else "")

    def _filtered(self, query: str) -> None:
        bar = self.query_one(SearchBar)
        try:
            self.state.narrow(query)
        except InvalidInput as problem:  # the filter before it stays
            bar.tell(clip(problem.details["problem"], PROBLEM))
            return
        bar.tell(f"{self.state.passing()} of {len(self.state.jobs)}")
        self.paint_soon()

    @on(SearchBar.Typed)
    def _typed(self, message: SearchBar.Typed) -> None:
        if message.purpose == "filter":
            self._filtered(message.words)
        else:
            self._count(self.query_one(Detail).log_view.seek(message.words))

    @on(SearchBar.Stepped)
    def _stepped(self, message: SearchBar.Stepped) -> None:
        if message.purpose == "search":
            self._count(self.query_one(Detail).log_view.step(message.by))

    def _count(self, place: tuple[int, int]) -> None:
        which, of = place
        self.query_one(SearchBar).tell(f"{which} of {of}" if of else "not found")

    @on(SearchBar.Left)
    def _left(self, message: SearchBar.Left) -> None:
        if message.purpose == "search":
            self.query_one(Detail).log_view.seek("")
            self.query_one(Detail).focus_content()
            return
        if message.cleared:
            self._filtered("")
        self._to_table()
