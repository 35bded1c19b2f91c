"""A bundle: a function as source that stands by itself."""

from __future__ import annotations

from luajobs_kit.model._document import Document


class Bundle(Document):
    """Self-contained source, and where its author wrote it.

    ``source`` holds import lines, then the function, dedented. ``entry`` is the name it
    defines and that is called with the job. A line of ``source`` numbered ``n`` stands
    for line ``first_line + n - 1`` of ``file``; ``first_line`` may be zero or negative
    where import lines were put before the function.
    """

    source: str
    entry: str
    first_line: int = 1
    file: str = "<source>"
