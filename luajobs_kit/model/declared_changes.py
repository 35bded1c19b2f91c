"""The fields in which two declarations differ."""

from __future__ import annotations

from typing import Any

from luajobs_kit.model._document import Document
from luajobs_kit.model.job import Declaration
from luajobs_kit.model.schedule import OnceSchedule, Schedule


class FieldChange(Document):
    """One declared field, before and after, as plain JSON."""

    field: str
    before: Any = None
    after: Any = None


def changed_fields(before: Declaration, after: Declaration) -> list[FieldChange]:
    """Return the fields that differ; the file and line that the code comes from do not count."""
    changes = []
    for name, field in Declaration.model_fields.items():
        one, other = getattr(before, name), getattr(after, name)
        if name == "bundle":
            if (one.source, one.entry) != (other.source, other.entry):
                changes.append(FieldChange(field="code", before="the code", after="other code"))
        elif one != other and not (name == "schedule" and written_alike(one, other)):
            alias = field.alias or name
            shown = (before.to_json().get(alias), after.to_json().get(alias))
            changes.append(FieldChange(field=name, before=shown[0], after=shown[1]))
    return changes


def written_alike(one: Schedule, other: Schedule) -> bool:
    """Whether two schedules were written alike, as ``once(minutes=10)`` is at different times."""
    if isinstance(one, OnceSchedule) and isinstance(other, OnceSchedule):
        if one.after is not None or other.after is not None:
            return one.after == other.after
        return one.execute_at == other.execute_at
    return one == other
