"""Signs and short words that every face shows."""

from typing import get_args

from luajobs_kit.model import ExecutionStatus, JobStatus, RunError
from luajobs_kit.presentation import SIGNS, TONES, error_line


def test_an_error_is_one_line_with_its_authors_line():
    error = RunError(type="KeyError", message="'x'\nmore", line=4, text="    return d['x']")
    assert error_line(error) == "KeyError: 'x' · line 4: return d['x']"


def test_every_status_has_its_sign():
    assert set(SIGNS) == {*get_args(JobStatus), *get_args(ExecutionStatus)}
    assert set(TONES) == set(SIGNS.values())
