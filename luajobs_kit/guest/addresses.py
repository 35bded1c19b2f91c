"""``urlsplit`` keeps nothing of what it was asked for.

The library's keeps arguments beside their classes, and looks them up by comparing: one of a
job's class that has the right hash would be shown the real ``type``.
"""

from __future__ import annotations

import urllib.parse
from typing import Any


def install() -> None:
    """Have every address split anew, in this process; ``urljoin`` and ``urlparse`` ask it, too."""
    library: Any = urllib.parse
    library.urlsplit = getattr(library.urlsplit, "__wrapped__", library.urlsplit)
