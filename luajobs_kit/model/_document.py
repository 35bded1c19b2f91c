"""The base of every document: Python attributes in snake_case, JSON in camelCase."""

from __future__ import annotations

from collections.abc import KeysView
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from luajobs_kit.argument_help import nearest
from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import shortened
from luajobs_kit.record import Record, no_item, not_there, wrap


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
    """An immutable value whose JSON is Lua's. Either spelling is accepted on input.

    It is read as job code reads the same record: ``job.data.next_run_at``, ``job.data.nextRunAt``
    and, as JSON, ``job.data["nextRunAt"]``. What has no value is None.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        defer_build=True,  # a command line starts 80 ms sooner: it builds what it uses
        extra="ignore",
        ser_json_bytes="base64",
    )

    def to_json(self, *, nones: bool = False) -> dict[str, Any]:
        """Return the document as plain JSON: camelCase keys, ISO-8601 times.

        Fields that are None are left out, unless ``nones``: job code reads every field a document has.
        """
        return self.model_dump(mode="json", by_alias=True, exclude_none=not nones)

    if not TYPE_CHECKING:  # a type checker knows the fields by their Python names

        def __getattr__(self, name: str) -> Any:
            fields = type(self).model_fields
            for field, info in () if name.startswith("_") else fields.items():
                if info.alias == name:
                    return getattr(self, field)
            if name.startswith("_"):
                return super().__getattr__(name)
            raise AttributeError(not_there(name, [info.alias for info in fields.values()]))

    def __getitem__(self, name: str) -> Any:
        record = self._record()
        if name not in record:
            raise no_item(name, record)
        return record[name]

    def __contains__(self, name: object) -> bool:
        return name in self._record()

    def get(self, name: str, default: Any = None) -> Any:
        """Return an item, or ``default`` when there is none of that name."""
        return self._record().get(name, default)

    def keys(self) -> KeysView[str]:
        """Return the items' names; with them ``dict(document)`` gives its JSON."""
        return self._record().keys()

    def _record(self) -> Record:
        record: Record = wrap(self.model_dump(mode="json", by_alias=True))
        return record

    def evolve(self, **changes: Any) -> Self:
        """Return a copy with these fields changed (snake_case names, values taken as they are)."""
        return self.model_copy(update=changes)

    def __str__(self) -> str:
        return repr(self)


class Written(Document):
    """A document that people write: a key that it has not is refused, with the nearest one."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, given: Any) -> Any:
        if isinstance(given, dict):
            fields = cls.model_fields
            spelt = {name: to_camel(name) for name in fields}
            for key in given:
                if key not in spelt and key not in spelt.values():
                    raise PydanticCustomError(
                        "unknown_key", "{words}", {"words": _no_key(key, spelt)}
                    )
        return given


def _no_key(key: Any, spelt: dict[str, str]) -> str:
    close = nearest(key, spelt.values()) if isinstance(key, str) else []
    meant = f"did you mean {close[0]}? It" if close else "it"
    return f"has no {shortened(key)}; {meant} takes {', '.join(spelt.values())}"


def invalid(where: str, problem: ValidationError) -> InvalidInput:
    """Return what a person can do with pydantic's first complaint about what ``where`` was given."""
    first = problem.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    if first["type"] == "unknown_key":
        return InvalidInput(f"{field or where} {first['msg']}.", field=field)
    shown = f"{where}: {field}: {first['msg']}" if field else f"{where}: {first['msg']}"
    if first["type"] != "missing":
        shown += f" (given: {shortened(first['input'])})."
    return InvalidInput(shown, field=field)
