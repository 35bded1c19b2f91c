"""Panels for notebooks. ``panel_feed`` knows no widget; ``panel`` is imported when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from luajobs_kit.widgets.panel import JobsPanel as JobsPanel

__all__ = ["JobsPanel"]


def __getattr__(name: str) -> Any:
    if name != "JobsPanel":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from luajobs_kit.widgets.panel import JobsPanel  # noqa: PLC0415 - slow to import
    except ModuleNotFoundError as missing:
        if missing.name not in {"anywidget", "ipywidgets", "traitlets"}:
            raise
        raise ModuleNotFoundError(
            f"JobsPanel needs {missing.name}, which comes with the extra `notebook`: "
            "pip install 'luajobs-kit[notebook]', then restart the kernel.",
            name=missing.name,
        ) from missing
    globals()[name] = JobsPanel
    return JobsPanel
