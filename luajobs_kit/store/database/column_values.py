"""Times as SQLite keeps them: whole microseconds since 1970, so that order and equality are exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_micros(when: datetime) -> int:
    """Return ``when`` in microseconds since 1970."""
    return (when - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the aware UTC time that ``to_micros`` made ``micros`` from."""
    return _EPOCH + timedelta(microseconds=micros)
