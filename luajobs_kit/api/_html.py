"""Small tables for notebooks; every value is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]], *, note: str = "") -> str:
    """Return an HTML table, with ``note`` below it."""
    head = "".join(f"<th style='text-align:left'>{escape(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows)
    below = f"<p><em>{escape(note)}</em></p>" if note else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def facts(title: str, values: Mapping[str, Any]) -> str:
    """Return a titled table of names and values."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>{_cell(value)}</tr>"
        for name, value in values.items()
    )
    return f"<strong>{escape(title)}</strong><table><tbody>{rows}</tbody></table>"


def _cell(value: Any) -> str:
    shown = "" if value is None else str(value)
    shown = shown if len(shown) <= 200 else shown[:199] + "…"
    return f"<td style='text-align:left'>{escape(shown)}</td>"
