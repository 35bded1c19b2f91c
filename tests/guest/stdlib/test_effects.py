"""Parts of the standard library whose effect is not what they return."""

from __future__ import annotations

import calendar
import contextlib
import io

from guest_run import RecordingChannel, run_here


def printed(source: str) -> str:
    channel = RecordingChannel()
    run_here(source, channel=channel)
    return "".join(f"{text}\n" for _, text in channel.lines)


def test_a_calendar_is_printed_to_the_jobs_log() -> None:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        calendar.TextCalendar(6).prmonth(2024, 2, w=4)
        calendar.TextCalendar().pryear(2023)
    assert out.getvalue() == printed(
        "import calendar\n"
        "def main(job):\n"
        "    calendar.TextCalendar(6).prmonth(2024, 2, w=4)\n"
        "    calendar.TextCalendar().pryear(2023)\n"
    )


def test_a_calendar_of_ones_own_is_printed_in_its_own_way() -> None:
    assert "1: Thu\n" in printed(
        "from calendar import TextCalendar, day_abbr\n"
        "class Days(TextCalendar):\n"
        "    def formatmonth(self, year, month, w=0, l=0):\n"
        "        days = self.itermonthdays2(year, month)\n"
        "        return ''.join(f'{d}: {day_abbr[n]}\\n' for d, n in days if d)\n"
        "def main(job):\n"
        "    Days().prmonth(2024, 2)\n"
    )
