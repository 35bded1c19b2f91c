"""The bar below a notebook's cell that waits for a run."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from html import escape
from typing import Any, Self

from luajobs_kit.model import Execution
from luajobs_kit.presentation import SIGNS, progress_words, took


class ProgressBar:
    """A display of one run's progress, which is written over as it goes on."""

    def __init__(self) -> None:
        self._run: Execution | None = None
        self._display: Any = None

    @classmethod
    def in_notebook(cls) -> Self | None:
        """Return a bar where the code runs in a notebook's kernel, else None."""
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython is not None else None
        return cls() if getattr(shell, "kernel", None) is not None else None

    def show(self, run: Execution) -> None:
        """Show the run as it is now. What tells no progress shows none."""
        if run.progress is None and self._display is None:
            return
        self._run = run
        if self._display is not None:
            self._display.update(self)
            return
        from IPython.display import display  # noqa: PLC0415 - only in a notebook

        self._display = display(self, display_id=True)  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        run = self._run
        return "" if run is None else f"{run.job_name}: {SIGNS[run.status]} {_words(run)}"

    def _repr_html_(self) -> str:
        run = self._run
        if run is None:
            return ""
        share = run.progress.share if run.progress is not None else None
        # Without a value the browser draws a bar that moves and does not fill.
        value = f'value="{share:.4f}"' if share is not None else ""
        if run.finished and share is None:
            value = 'value="1"'
        return (
            f"<div><code>{escape(run.job_name)}</code> <progress {value}></progress> "
            f"{SIGNS[run.status]} {escape(_words(run))}</div>"
        )


def _words(run: Execution) -> str:
    """Return how far it is, and when it is over how it ended and how long that took."""
    words = [f"{run.status} in {took(run.duration)}"] if run.finished else []
    if run.progress is not None:
        began = run.attempts[-1].started_at if run.attempts else datetime.now(UTC)
        words.append(progress_words(run.progress, None if run.finished else began))
    return " · ".join(words)
