"""JSON objects typed on the command line."""

from __future__ import annotations

import json
from typing import Any

from luajobs_kit.errors import InvalidInput


def read_object(text: str, what: str, example: str) -> dict[str, Any]:
    """Return the object that ``text`` is. ``what`` names it in the refusal.

    Raises ``InvalidInput`` for what is no JSON, and for any other JSON value.
    """
    try:
        value = json.loads(text.removeprefix("\ufeff"))  # as in "$(cat FILE)"
    except ValueError as problem:
        raise InvalidInput(f"{what} cannot be read as JSON: {problem}") from None
    if not isinstance(value, dict):
        raise InvalidInput(f"{what} must be an object, such as '{example}'.")
    return value
