"""Runner of job code in this process with a recording channel, for tests of the guest's side."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "sandbox"))

from unwalled_run import CONTEXT, RecordingChannel, run_here

__all__ = ["CONTEXT", "RecordingChannel", "run_here"]
