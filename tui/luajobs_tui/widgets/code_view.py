"""The active version's source, with its author's own line numbers and the line that failed."""

from __future__ import annotations

from functools import lru_cache

from rich.style import Style
from rich.syntax import Syntax
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from luajobs_kit.author_lines import author_line
from luajobs_kit.model import Job
from luajobs_kit.presentation import clean
from luajobs_tui.theme import style


class CodeView(VerticalScroll):
    """What runs."""

    def __init__(self) -> None:
        super().__init__(id="code-view")
        self._content = Static(id="code-text")
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield self._content

    def show(self, job: Job) -> None:
        """Show the source of the job's active version."""
        version, run = job.active_version, job.last_execution
        if version is None:
            self._content.update(Text("This job has no active version.", style(self.app, "dim")))
            return
        bundle = version.bundle
        error = run.error if run is not None and run.version_id == version.id else None
        failed = (error.file or bundle.file, error.line) if error is not None else None
        told = (version, failed, self.app.theme)
        if told == self._shown:
            return
        self._shown = told
        app, dim = self.app, style(self.app, "dim")
        written = Text(no_wrap=True)
        written.append(f" {clean(bundle.file)}", style(app, "accent"))
        versions = f" · {len(job.versions)} versions" if len(job.versions) > 1 else ""
        written.append(f" · {bundle.entry}(job) · version {version.version}{versions}\n\n", dim)
        lines = highlight(bundle.source, dark=app.current_theme.dark).split("\n", allow_blank=False)
        shown_file = bundle.file
        for place, line in enumerate(lines, 1):
            file, number = author_line(bundle.segments, place)
            if file != shown_file:  # what was taken along may come from another cell
                written.append(f"       {clean(file)}\n", style(app, "accent"))
                shown_file = file
            # What was put before the author's first line has no number of theirs.
            gutter = f"{number:>5}" if number > 0 else "     "
            if (file, number) == failed:
                written.append(f"{gutter} ✗ ", style(app, "bad", bold=True))
                written.append_text(line)
                message = error.message.splitlines()[0] if error and error.message else ""
                name = error.type if error else ""
                written.append(f"   ← {clean(name)}: {clean(message)}", style(app, "bad"))
            else:
                written.append(f"{gutter} │ ", dim)
                written.append_text(line)
            written.append("\n")
        self._content.update(written)
        self.scroll_home(animate=False)


@lru_cache(maxsize=32)
def _highlight(source: str, theme: str) -> Text:
    coloured = Syntax("", "python", theme=theme).highlight(clean(source))
    plain = Text(coloured.plain)
    for span in coloured.spans:
        # The colours without their background: that is the screen's own.
        given = span.style if isinstance(span.style, Style) else Style.parse(span.style)
        plain.stylize(Style(color=given.color, bold=given.bold, italic=given.italic), *span[:2])
    return plain


def highlight(source: str, *, dark: bool) -> Text:
    """Return Python source in colours that suit a dark or a light screen."""
    return _highlight(source, "one-dark" if dark else "friendly").copy()
