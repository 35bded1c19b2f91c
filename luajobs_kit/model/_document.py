"""The base of every document: Python attributes in snake_case, JSON in camelCase."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


def _in_utc(value: datetime) -> datetime:
    # Of the first and the last year some instants lie beyond Python's calendar in other zones.
    if not MINYEAR < value.year < MAXYEAR:
        raise ValueError(f"this time is outside the years {MINYEAR + 1} to {MAXYEAR - 1}")
    return value.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An aware datetime, kept in UTC."""

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A length of time that a timer gets: never NaN, which puts all timers of a loop out of order."""


class Document(BaseModel):
    """An immutable value whose JSON is Lua's. Either spelling is accepted on input."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        defer_build=True,  # a command line starts 80 ms sooner: it builds what it uses
        extra="ignore",
        ser_json_bytes="base64",
    )

    def to_json(self) -> dict[str, Any]:
        """Return the document as plain JSON: camelCase keys, ISO-8601 times, no None."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def evolve(self, **changes: Any) -> Self:
        """Return a copy with these fields changed (snake_case names, values taken as they are)."""
        return self.model_copy(update=changes)

    def __str__(self) -> str:
        return repr(self)
