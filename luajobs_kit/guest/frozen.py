"""The root of every host class job code can see an instance of."""

from __future__ import annotations

from typing import Any, NoReturn


class Frozen:
    """Cannot be subclassed by job code, copied or pickled; guards refuse its special names."""

    __slots__ = ()

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        raise TypeError(f"{type(self).__name__!r} objects cannot be copied")

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, _memo: Any) -> Any:
        return self
