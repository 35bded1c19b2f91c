"""Lua's surface in Python. Import the names from ``luajobs_kit``, which loads them lazily."""

# Loaded with any part of the package: it registers what makes the process's own workspace, which
# the modules below it cannot import.
import luajobs_kit.api.workspace  # noqa: F401
