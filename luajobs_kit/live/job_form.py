"""A job as it is typed into a face's form, and the field that a refusal is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from luajobs_kit.api._json_values import build
from luajobs_kit.bundle import capture
from luajobs_kit.errors import Conflict, InvalidInput, LuaJobsError
from luajobs_kit.model import JobSpec, Schedule
from luajobs_kit.timing.typed_schedules import read_schedule

Field = Literal["name", "schedule", "source"]

TEMPLATE: Final = """\
async def execute(job):
    runs = job.metadata.get("runs", 0) + 1
    print(f"run {runs} of {job.name}")
    user = await job.user()
    await user.send(f"Hello from {job.name}, run {runs}")
    await job.update_metadata({"runs": runs})
    return {"runs": runs}
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """The three fields of a form, as they were typed; ``form`` is the file errors name."""

    name: str
    schedule: str
    source: str
    form: str

    def spec(self, now: datetime) -> JobSpec:
        """Return what to ask for. Raises ``InvalidInput``; ``field_of`` says about which field."""
        if not self.name.strip():
            raise InvalidInput("Give the job a name, such as daily-report.", field="name")
        return build(
            JobSpec,
            "A job",
            name=self.name.strip(),
            schedule=typed_schedule(self.schedule, now),
            bundle=capture(self.source, file=self.form),
            if_exists="error",
        )


def typed_schedule(text: str, now: datetime) -> Schedule:
    """Return the schedule that was typed. Raises ``InvalidInput`` about the field schedule."""
    try:
        return read_schedule(text, now)
    except InvalidInput as problem:
        problem.details["field"] = "schedule"
        raise


def field_of(problem: LuaJobsError) -> Field:
    """Return the field beside which a refusal is said."""
    about = problem.details.get("field")
    if about == "name" or isinstance(problem, Conflict):
        return "name"
    return "schedule" if about in {"schedule", "executeAt"} else "source"
