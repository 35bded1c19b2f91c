"""Log lines as a list that reads like a log."""

from __future__ import annotations

from luajobs_kit.api._html import table
from luajobs_kit.model import LogLine, LogPage


class LogLines(list[LogLine]):
    """Log lines in reading order, the oldest first; printing it shows one a line."""

    @classmethod
    def of(cls, page: LogPage) -> LogLines:
        """Return a page's lines; the engine's pages begin with the newest."""
        return cls(reversed(page.logs))

    def __str__(self) -> str:
        return "\n".join(
            f"{line.timestamp.astimezone():%Y-%m-%d %H:%M:%S} {line.sub_type:5} "
            f"{line.metadata.primitive_name or line.metadata.tool_name or ''}: {line.message}"
            for line in self
        )

    def __repr__(self) -> str:
        return str(self) or "[no log lines]"

    def _repr_html_(self) -> str:
        rows = [
            [
                line.timestamp.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
                line.sub_type,
                line.metadata.primitive_name or line.metadata.tool_name or "",
                line.message,
            ]
            for line in self
        ]
        return table(["time", "level", "from", "message"], rows)
