"""Preloading: whatever Python would load on first use is loaded before the walls go up."""

from __future__ import annotations

import codecs
import contextlib
import importlib
import sys
import types
from typing import Any, Final

from luajobs_kit.guest import allowlist
from luajobs_kit.guest.stdlib import patches as job_patches
from luajobs_kit.guest.stdlib import zoneinfo as job_zoneinfo
from luajobs_kit.guest.stdlib.own_modules import OWN_MODULES

CODECS: Final = (
    "utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-32 ascii latin-1 cp1252 cp437 "
    "iso8859-15 mbcs idna punycode unicode-escape raw-unicode-escape rot13 hex base64"
)

HIDDEN: Final = (
    "_strptime", "annotationlib", "copyreg", "email.charset", "encodings.idna", "stringprep", "unicodedata", "warnings"
)  # fmt: skip
"""Modules that the library imports only when something is first used; not every Python has all."""


def load_lazy_parts() -> None:
    """Import, look up or call each lazy part once, and patch the library."""
    for name in HIDDEN:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
    for codec in CODECS.split():
        try:
            codecs.lookup(codec)
        except LookupError:
            continue  # a codec of another platform
    import time  # noqa: PLC0415  # only to call it once

    time.strptime("2000-01-01", "%Y-%m-%d")
    job_zoneinfo.load_zones()
    job_patches.install()


def resolve_lazy_imports() -> None:
    """Carry out the library's own ``lazy import`` lines, which Python 3.15 defers to first use."""
    lazy: Any = getattr(types, "LazyImportType", None)
    if lazy is None:
        return
    for name in allowlist.MODULES:
        if name not in OWN_MODULES:  # of the library's with such a name, what is used is loaded
            importlib.import_module(name)
    roots = {name.partition(".")[0] for name in allowlist.MODULES}
    for loaded, module in list(sys.modules.items()):  # their hidden parts, too: tomllib._parser
        if loaded.partition(".")[0] in roots:
            for name in [each for each, value in vars(module).items() if type(value) is lazy]:
                getattr(module, name)
