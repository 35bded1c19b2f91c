"""Values as plain JSON for the engine, or an ``InvalidInput`` that names the path."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import Document

DEEPEST: Final = 64  # levels of lists and dicts

D = TypeVar("D", bound=Document)


def to_plain(value: Any, path: str, *, depth: int = 0) -> Any:
    """Return ``value`` as plain JSON, tuples as lists.

    Raises ``InvalidInput`` naming the path of the first value that JSON has no form for.
    """
    if depth > DEEPEST:
        raise InvalidInput(f"{path} is nested deeper than {DEEPEST} levels.", field=path)
    if value is None or isinstance(value, str | bool):
        return str(value) if type(value) not in {str, bool, type(None)} else value
    if isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            _refuse(value, path, "use None, or text such as 'inf'")
        return value
    if isinstance(value, list | tuple):
        return [
            to_plain(item, f"{path}[{index}]", depth=depth + 1) for index, item in enumerate(value)
        ]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise InvalidInput(
                    f"{path} has the key {key!r} of type {type(key).__name__}; JSON's keys are "
                    f"text: use {str(key)!r}.",
                    field=path,
                )
        return {
            key: to_plain(item, f"{path}[{key!r}]", depth=depth + 1) for key, item in value.items()
        }
    advice = "give text, a number, a list or a dict"
    if isinstance(value, date):
        advice = "use value.isoformat()"
    elif callable(getattr(value, "model_dump", None)):
        advice = 'use value.model_dump(mode="json")'
    elif isinstance(value, set | frozenset):
        advice = "use sorted(value)"
    return _refuse(value, path, advice)


def to_object(value: Any, path: str) -> dict[str, Any]:
    """Return ``value`` as a plain JSON object. Raises ``InvalidInput``."""
    if not isinstance(value, Mapping):
        raise InvalidInput(
            f"{path} must be a dict, not {type(value).__name__} ({_short(value)}).", field=path
        )
    plain: dict[str, Any] = to_plain(value, path)
    return plain


def build(model: type[D], what: str, **values: Any) -> D:
    """Return the document, or raise ``InvalidInput`` naming the field that was wrong."""
    try:
        return model(**values)
    except ValidationError as problem:
        first = problem.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or what
        raise InvalidInput(
            f"{what}: {field}: {first['msg']} (given: {_short(first['input'])}).", field=field
        ) from None


def _refuse(value: Any, path: str, advice: str) -> Any:
    raise InvalidInput(
        f"{path} is {_short(value)} of type {type(value).__name__}, which JSON has no form for; "
        f"{advice}.",
        field=path,
    )


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "…"
