"""How large what people keep may be, and that it is JSON at all."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import Document
from luajobs_kit.store.entries import MOST_ANSWERED
from luajobs_kit.store.listing import too_large

DEEPEST: Final = 64  # levels of lists and dicts


class Answer:
    """Documents for one answer to job code: no more than are held and sent without harm."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []
        self._size = 0  # characters

    def add(self, documents: Iterable[Document]) -> list[dict[str, Any]]:
        """Add some, the newest first; return all. Raises ``InvalidInput`` for one too many."""
        for each in documents:
            self._size += len(each.model_dump_json(by_alias=True, exclude_none=True))
            if self._size > MOST_ANSWERED and self.documents:
                raise InvalidInput(too_large(len(self.documents), MOST_ANSWERED))
            self.documents.append(each.to_json())
        return self.documents


def check_object(value: dict[str, Any], path: str, most: int) -> None:
    """Raise ``InvalidInput`` for an object of more than ``most`` characters of JSON.

    Likewise, with its path, for the first value that JSON has no form for.
    """
    size = _json_size(value, path, depth=0)
    if size > most:
        raise InvalidInput(
            f"{path} takes about {size:,} characters of JSON; {most:,} is the most. "
            f"Keep large data with Data.create(...) and put its id into {path}.",
            field=path,
        )


def _json_size(value: Any, path: str, *, depth: int) -> int:
    if depth > DEEPEST:
        raise InvalidInput(f"{path} is nested deeper than {DEEPEST} levels.", field=path)
    match value:
        case None | bool():
            return 5
        case str():
            return len(value) + 2
        case int():
            return len(str(value)) if abs(value) < 10**300 else _refuse(value, path)
        case float():
            return 20 if math.isfinite(value) else _refuse(value, path)
        case list() | tuple():
            return 2 + sum(
                _json_size(item, f"{path}[{index}]", depth=depth + 1)
                for index, item in enumerate(value)
            )
        case dict():
            for key in value:
                if not isinstance(key, str):
                    raise InvalidInput(
                        f"{path} has the key {key!r} of type {type(key).__name__}; "
                        "JSON's keys are text.",
                        field=path,
                    )
            return 2 + sum(
                len(key) + 4 + _json_size(item, f"{path}[{key!r}]", depth=depth + 1)
                for key, item in value.items()
            )
        case _:
            return _refuse(value, path)


def _refuse(value: Any, path: str) -> int:
    advice = (
        "use value.isoformat()"
        if isinstance(value, datetime)
        else "give text, a number, a list or a dict"
    )
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "…"
    raise InvalidInput(
        f"{path} is {shown} of type {type(value).__name__}, which JSON has no form for; {advice}.",
        field=path,
    )
