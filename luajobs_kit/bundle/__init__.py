"""Bundles: functions as self-contained source, ready to leave their author's process.

``capture`` takes a function (or source text, or a file) and gives a ``Bundle``, or refuses
with every name that would not exist where jobs run, its line, and the way out. ``verify``
checks a bundle that came from elsewhere. ``inner_bundles`` gives those of the jobs that a job
creates itself.
"""

from __future__ import annotations

from luajobs_kit.bundle.capture import capture, verify
from luajobs_kit.bundle.inner_jobs import function_key, inner_bundles

__all__ = ["capture", "function_key", "inner_bundles", "verify"]
