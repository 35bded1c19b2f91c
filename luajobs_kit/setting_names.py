"""Names of the settings that ``env`` answers."""

from __future__ import annotations

from typing import Any

from luajobs_kit.errors import InvalidInput


def setting_name(given: Any) -> str:
    """Return the name that ``env`` was given as plain text. Raises ``InvalidInput``."""
    if not issubclass(type(given), str):
        raise InvalidInput(f'env takes a name, as in env("API_KEY"), not {type(given).__name__}.')
    return str.__str__(given)
