"""Values as plain JSON for the engine, or an ``InvalidInput`` that names the path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from luajobs_kit.json_walk import check_json, not_an_object
from luajobs_kit.model import Document, invalid

D = TypeVar("D", bound=Document)


def to_plain(value: Any, path: str) -> Any:
    """Return ``value`` as plain JSON, tuples as lists.

    Raises ``InvalidInput`` naming the path of the first value that JSON has no form for.
    """
    check_json(value, path)
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def to_object(value: Any, path: str) -> dict[str, Any]:
    """Return ``value`` as a plain JSON object. Raises ``InvalidInput``."""
    if not isinstance(value, Mapping):
        raise not_an_object(value, path)
    plain: dict[str, Any] = to_plain(value, path)
    return plain


def build(model: type[D], what: str, **values: Any) -> D:
    """Return the document, or raise ``InvalidInput`` naming the field that was wrong."""
    try:
        return model(**values)
    except ValidationError as problem:
        raise invalid(what, problem) from None
