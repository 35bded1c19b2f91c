"""From a declaration to what the sandbox runs."""

from __future__ import annotations

from luajobs_kit.model import Declaration
from luajobs_kit.sandbox import Program


def program_of(declared: Declaration) -> Program:
    """Return what the sandbox runs for a declaration."""
    bundle = declared.bundle
    return Program(
        source=bundle.source, entry=bundle.entry, first_line=bundle.first_line, file=bundle.file
    )
