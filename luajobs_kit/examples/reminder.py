"""A tool that reminds its user later: one job that runs once.

The job's function is written inside the tool, and yet it cannot see ``input``: it runs
later, in a process of its own. What it needs travels as metadata.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from luajobs_kit import JobInstance, Jobs, LuaTool, once


class Reminder(BaseModel):
    message: str = Field(description="Reminder message")
    minutes: float = Field(ge=1, le=10_080, description="Minutes from now")


class ReminderTool(LuaTool[Reminder]):
    name = "set_reminder"
    description = "Set a reminder to notify user later"
    input_schema = Reminder

    async def execute(self, input: Reminder) -> dict[str, Any]:
        async def remind(job: JobInstance) -> dict[str, Any]:
            user = await job.user()  # whoever called the tool
            await user.send([{"type": "text", "text": f"⏰ Reminder: {job.metadata['message']}"}])
            print(f"Reminded {user.id}")  # noqa: T201 - print writes the job's log
            return {"success": True, "delivered_at": datetime.now(UTC).isoformat()}

        job = await Jobs.create(
            name=f"reminder-{time.time_ns()}",
            description="User reminder",
            metadata={"message": input.message, "set_at": datetime.now(UTC).isoformat()},
            schedule=once(minutes=input.minutes),
            execute=remind,
        )
        return {
            "success": True,
            "message": f"Reminder set for {input.minutes:g} minutes from now",
            "job_id": job.id,
            "execute_at": job.data.next_run_at,
        }
