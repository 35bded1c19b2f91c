"""``sys`` of job code: facts about the Python that runs it, and streams that are the run's log."""

from __future__ import annotations

import sys
from typing import Any

from luajobs_kit.guest.guards.sealed import HostMade, make
from luajobs_kit.guest.runtime.run import current
from luajobs_kit.guest.stdlib.exact_arguments import text

byteorder = sys.byteorder
float_info = sys.float_info
maxsize = sys.maxsize
maxunicode = sys.maxunicode
platform = sys.platform
version = sys.version
version_info = sys.version_info


class LogStream(HostMade):
    """A stream whose lines are log lines."""

    __slots__ = ()

    def write(self, s: str) -> int:
        given = text(s)
        current().write(given)
        return len(given)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        current().end_line()

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True


stdout = make(LogStream)
stderr = make(LogStream)
