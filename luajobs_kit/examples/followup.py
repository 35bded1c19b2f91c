"""A tool that follows up on a support ticket, unless it was closed in the meantime.

The job looks the ticket up when it fires, not when it is created: what it finds then
decides whether there is anything to say.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from luajobs_kit import Data, JobInstance, Jobs, LuaTool, once


class Followup(BaseModel):
    ticket_id: str
    followup_hours: float = Field(ge=1, le=168)
    message: str


class ScheduleFollowupTool(LuaTool[Followup]):
    name = "schedule_followup"
    description = "Schedule a follow-up message for customer support"
    input_schema = Followup

    async def execute(self, input: Followup) -> dict[str, Any]:
        async def follow_up(job: JobInstance) -> dict[str, Any]:
            user = await job.user()
            ticket_id, message = job.metadata["ticket_id"], job.metadata["message"]

            # Is the ticket still open?
            tickets = await Data.search("tickets", ticket_id, 1)
            if not tickets or tickets[0].status != "open":
                print(f"Ticket {ticket_id} is closed, nothing was sent")  # noqa: T201 - the job's log
                return {"success": True, "sent": False, "reason": "Ticket closed"}

            text = f"📋 Ticket #{ticket_id} Follow-up:\n\n{message}"
            await user.send([{"type": "text", "text": text}])
            await Data.update(
                "tickets",
                tickets[0].id,
                {
                    **tickets[0].data,
                    "followup_sent": True,
                    "followup_at": datetime.now(UTC).isoformat(),
                },
            )
            print(f"Followed up on ticket {ticket_id}")  # noqa: T201 - the job's log
            return {"success": True, "sent": True}

        job = await Jobs.create(
            name=f"followup-{input.ticket_id}",
            description=f"Follow-up for ticket {input.ticket_id}",
            metadata={"ticket_id": input.ticket_id, "message": input.message},
            schedule=once(hours=input.followup_hours),
            execute=follow_up,
        )
        return {
            "success": True,
            "message": f"Follow-up scheduled for {input.followup_hours:g} hours",
            "job_id": job.id,
        }
