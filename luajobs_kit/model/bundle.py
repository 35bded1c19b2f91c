"""A bundle: a function as source that stands by itself."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from luajobs_kit.author_lines import Segment
from luajobs_kit.model._document import Document

CarriedKind = Literal["function", "class", "constant"]


class Carried(Document):
    """A definition that was taken along because the job's function uses it.

    It is ``lines`` lines of the bundle's source from ``line`` on, and stands in ``file`` from
    ``first_line`` on.
    """

    name: str
    kind: CarriedKind
    line: int
    lines: int
    first_line: int
    file: str


class Bundle(Document):
    """Self-contained source, and where its author wrote it.

    ``source`` holds import lines, then what was taken along, then the function, dedented.
    ``entry`` is the name it defines and that is called with the job. A line of the function's
    part numbered ``n`` stands for line ``first_line + n - 1`` of ``file``; ``first_line`` may be
    zero or negative where lines were put before it.
    """

    source: str
    entry: str
    first_line: int = 1
    file: str = "<source>"
    carried: list[Carried] = Field(default_factory=list)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """From which line on its source stands for which lines of which file."""
        if not self.carried:
            return (Segment(1, self.first_line, self.file),)
        ahead = self.carried[0].line - 1  # import lines, which nobody wrote there
        own = self.carried[-1].line + self.carried[-1].lines
        return (
            *([Segment(1, 1 - ahead, self.file)] if ahead else []),
            *(Segment(each.line, each.first_line, each.file) for each in self.carried),
            Segment(own, self.first_line + own - 1, self.file),
        )

    @property
    def carried_in_words(self) -> str:
        """What was taken along, for people: ``slug(), Item, LIMIT``; empty when nothing was."""
        return ", ".join(
            f"{each.name}()" if each.kind == "function" else each.name for each in self.carried
        )
