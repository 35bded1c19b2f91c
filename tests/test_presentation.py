"""Signs and short words that every face shows."""

from datetime import UTC, datetime, timedelta
from typing import get_args

from luajobs_kit.model import ExecutionStatus, JobStatus, Progress, RunError
from luajobs_kit.presentation import SIGNS, TONES, clean, error_line, percent, progress_words


def test_an_error_is_one_line_with_its_authors_line():
    error = RunError(type="KeyError", message="'x'\nmore", line=4, text="    return d['x']")
    assert error_line(error) == "KeyError: 'x' · line 4: return d['x']"


def test_every_status_has_its_sign():
    assert set(SIGNS) == {*get_args(JobStatus), *get_args(ExecutionStatus)}
    assert set(TONES) == set(SIGNS.values())


def test_progress_says_what_is_done_and_about_how_long_the_rest_takes():
    begun = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    progress = Progress(done=3, total=12, text="pages read", at=begun + timedelta(seconds=10))
    assert progress_words(progress, begun) == "3 of 12 · pages read · about 30s left"
    assert percent(progress) == "25%"


def test_how_long_the_rest_takes_is_not_guessed_from_less_than_two_seconds_nor_from_nothing():
    begun = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    early = Progress(done=1, total=4, at=begun + timedelta(seconds=1.9))
    assert progress_words(early, begun) == "1 of 4"
    late = begun + timedelta(minutes=1)
    assert progress_words(Progress(done=0, total=4, at=late), begun) == "0 of 4"
    assert progress_words(Progress(done=4, total=4, at=late), begun) == "4 of 4"
    unknown = Progress(done=1_234_567, at=late)
    assert (progress_words(unknown, begun), percent(unknown)) == ("1,234,567", "1,234,567")
    assert progress_words(Progress(done=0.5, total=2.0, at=begun), begun) == "0.5 of 2"


def test_what_would_hide_in_a_line_or_turn_it_round_is_shown_by_its_number():
    assert clean("a\u200bb\u202ec\ufeff") == "a<U+200B>b<U+202E>c<U+FEFF>"
    for seen in ("👨‍👩‍👧", "می‌خواهم", "דוח\u200f יומי"):
        assert clean(seen) == seen
