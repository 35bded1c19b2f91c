"""``Kept``: data as the engine keeps it, which assigning to cannot change."""

from __future__ import annotations

from typing import Any, NoReturn

from luajobs_kit.errors import NotAllowed


class Kept(dict[str, Any]):
    """A dict to read; what would change it says how to change what is kept instead."""

    __slots__ = ()

    def _refuse(self, *given: Any, **_options: Any) -> NoReturn:
        name = given[0] if given and isinstance(given[0], str) else "name"
        raise NotAllowed(
            "job.metadata is read-only here, and changing it would be lost: write "
            f'await job.update_metadata({{"{name}": value}}), or dict(job.metadata) for a copy.'
        )

    __setitem__ = __delitem__ = __ior__ = __setattr__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse
