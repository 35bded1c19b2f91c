"""A tool that sets up a report for each day: one job that recurs by cron.

Calling it again with another time gives the same job its next version, so a user has
one daily report however often they change their mind.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from luajobs_kit import JobInstance, Jobs, LuaTool, Products, cron


class DailyReport(BaseModel):
    time_of_day: str = Field(
        pattern=r"^([0-1]?[0-9]|2[0-3]):[0-5][0-9]$",
        description="Time in HH:MM format (24-hour)",
    )


class DailyReportTool(LuaTool[DailyReport]):
    name = "setup_daily_report"
    description = "Set up daily sales report"
    input_schema = DailyReport

    async def execute(self, input: DailyReport) -> dict[str, Any]:
        async def report(job: JobInstance) -> dict[str, Any]:
            products = await Products.get(1, 100)
            total = sum(product.get("price") or 0 for product in products)
            text = (
                "📊 Daily Sales Report\n\n"
                f"Total Products: {len(products)}\n"
                f"Catalog Value: ${total:.2f}\n"
                f"Report Time: {job.metadata['report_time']}"
            )
            user = await job.user()
            await user.send([{"type": "text", "text": text}])
            print(f"Reported {len(products)} products")  # noqa: T201 - print writes the job's log
            return {"success": True, "product_count": len(products), "total_value": total}

        hour, minute = input.time_of_day.split(":")
        job = await Jobs.create(
            name="daily-sales-report",
            description="Daily sales summary",
            metadata={"report_time": input.time_of_day},
            schedule=cron(f"{int(minute)} {int(hour)} * * *"),
            execute=report,
        )
        return {
            "success": True,
            "message": f"Daily report scheduled for {input.time_of_day}",
            "job_id": job.id,
        }
