"""The terminal monitor: ``luajobs tui``, ``python -m luajobs_tui``, or ``MonitorApp(port)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from luajobs_tui.app import MonitorApp
    from luajobs_tui.start import run

__all__ = ["MonitorApp", "run"]


def __getattr__(name: str) -> Any:
    # Textual is slow to import, and state and formatting do not need it.
    if name == "MonitorApp":
        from luajobs_tui.app import MonitorApp  # noqa: PLC0415 - lazy on purpose

        return MonitorApp
    if name == "run":
        from luajobs_tui.start import run  # noqa: PLC0415 - lazy on purpose

        return run
    raise AttributeError(f"module 'luajobs_tui' has no attribute {name!r}")
