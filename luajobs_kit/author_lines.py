"""The way from a line of a job's source to the line that its author wrote, and its file.

A job's source may be put together from several places: import lines, helper functions, constants,
and then the function itself. Each place is a segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Segment(NamedTuple):
    """From ``line`` of the source on, lines are those of ``file`` from ``first_line`` on.

    ``first_line`` below 1 means lines that the author did not write: import lines put ahead.
    """

    line: int
    first_line: int
    file: str


def author_line(segments: Sequence[Segment], number: int) -> tuple[str, int]:
    """Return the file and the line that line ``number`` of the source stands for.

    ``segments`` are in the order of their lines, and the first begins at line 1.
    """
    found = segments[0]
    for segment in segments:
        if segment.line > number:
            break
        found = segment
    return found.file, found.first_line + number - found.line


def source_line(segments: Sequence[Segment], file: str, line: int) -> int | None:
    """Return the line of the source that stands for ``line`` of ``file``, or None."""
    ends = [segment.line for segment in segments[1:]]
    for segment, end in zip(segments, [*ends, None], strict=True):
        number = line - segment.first_line + segment.line
        if segment.file == file and number >= segment.line and (end is None or number < end):
            return number
    return None
