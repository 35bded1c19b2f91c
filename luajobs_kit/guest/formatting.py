"""``str.format`` whose fields read attributes through the guards."""

from __future__ import annotations

import string
from _string import formatter_field_name_split  # type: ignore[import-not-found]
from collections.abc import Mapping, Sequence
from typing import Any


class _Formatter(string.Formatter):
    def get_field(
        self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Any, Any]:
        from luajobs_kit.guest.guards.read import read  # noqa: PLC0415  # guards format through us

        first, rest = formatter_field_name_split(field_name)
        value = self.get_value(first, args, kwargs)
        for is_attribute, name in rest:
            value = read(value, name) if is_attribute else value[name]
        return value, first

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if isinstance(key, int) and key >= len(args):
            raise IndexError(f"Replacement index {key} out of range for positional args tuple")
        return super().get_value(key, args, kwargs)


_FORMATTER = _Formatter()


def safe_format(text: str, /, *args: Any, **kwargs: Any) -> str:
    """Do what ``text.format(…)`` does."""
    return _FORMATTER.vformat(text, args, kwargs)


def safe_format_map(text: str, mapping: Mapping[str, Any], /) -> str:
    """Do what ``text.format_map(mapping)`` does."""
    return _FORMATTER.vformat(text, (), mapping)
