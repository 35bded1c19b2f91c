"""``TextCalendar`` of job code, which prints to the run's log."""

from __future__ import annotations

import calendar
from collections.abc import Iterable

from luajobs_kit.guest.guards.class_creation import let_inherit
from luajobs_kit.guest.runtime.run import current


class TextCalendar(calendar.TextCalendar):
    """The library's class, whose printing methods would write to a stream that no job has."""

    def prweek(self, theweek: Iterable[tuple[int, int]], width: int) -> None:
        _print(self.formatweek(theweek, width))

    def prmonth(self, theyear: int, themonth: int, w: int = 0, l: int = 0) -> None:  # noqa: E741  # the library's name
        _print(self.formatmonth(theyear, themonth, w, l))

    def pryear(self, theyear: int, w: int = 0, l: int = 0, c: int = 6, m: int = 3) -> None:  # noqa: E741  # likewise
        _print(self.formatyear(theyear, w, l, c, m))


def _print(text: object) -> None:
    current().write("".join([str(text)]))  # A5: a subclass of str would be written as it is


TextCalendar.__module__ = "calendar"
let_inherit(TextCalendar)
