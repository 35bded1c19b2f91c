"""The reference's examples in Python, as the guide has them, run one after another."""

from __future__ import annotations

from datetime import UTC, datetime

import luajobs_kit
from luajobs_kit import Jobs, VirtualClock, Workspace

START = datetime(2030, 1, 7, 8, 0, tzinfo=UTC)


async def outcomes(name: str):
    job = await Jobs.get_job(name)
    return [(execution.status, execution.result) for execution in await job.executions()]


async def test_every_example_of_the_guide_does_what_it_says(blocks, capsys):
    names: dict = {"__name__": "__main__"}
    clock = VirtualClock(START)
    async with Workspace.in_process(clock=clock) as ws:
        for block in blocks("jobs.md"):
            if block.raises is None:
                await block.run(names)
                continue
            try:
                await block.run(names)
            except getattr(luajobs_kit, block.raises):
                continue
            raise AssertionError(f"{block.page}:{block.line} did not raise {block.raises}")
        printed = capsys.readouterr().out
        await clock.advance(hours=2)
        sent = {message.text for message in await ws.inbox()}

        # A reminder, a task, metadata in place of the scope around, a user of a job
        assert sent >= {
            "Team meeting in 10 minutes",
            "Don't forget the meeting!",
            "hello",
            "Job complete!",
            "⏰ Reminder: Stretch your legs",
        }
        assert await outcomes("reminder-task") == [("completed", {"success": True})]
        owners = {message.text: message.user_id for message in await ws.inbox()}
        assert owners["Job complete!"] == "user_alice"
        assert owners["⏰ Reminder: Stretch your legs"] == "user_alice"

        # What was found, listed, triggered, and tried as another version
        assert "reminder-task: active" in printed
        assert "Status: " in printed
        assert "another" in printed
        assert "Job is now active" in printed
        assert "[Job] Found 1 pending orders" in printed
        assert "completed 2" in printed
        assert "Reminder set for 30 minutes from now" in printed
        assert "clear" in printed

        # What the schedules fire next
        assert (await Jobs.get_job("mondays")).data.next_run_at == datetime(
            2030, 1, 7, 13, tzinfo=UTC
        )
        assert (await Jobs.get_job("at-a-time")).data.next_run_at == datetime(
            2035, 12, 25, 9, tzinfo=UTC
        )
        assert len(await outcomes("each-5-minutes")) == 24
        assert len(await outcomes("quarters")) == 8

        # What jobs did to themselves
        assert (await Jobs.get_job("counts-its-runs")).metadata["run_count"] == 2
        assert await outcomes("stops-itself") == [
            ("completed", {"action": "completed", "stopped": True})
        ]
        assert (await Jobs.get_job("stops-itself")).data.active is False
        everything = await Jobs.get_all(include_dynamic=True)
        assert "deletes-itself" not in [job.name for job in everything]

        # Failing, timeouts, handling errors
        (failed,) = await (await Jobs.get_job("important-task")).executions()
        assert (failed.status, len(failed.attempts)) == ("failed", 4)
        assert await outcomes("long-running-task") == [("completed", "done")]
        assert await outcomes("handles-errors") == [
            ("completed", {"success": False, "error": "nothing to do"})
        ]

        # A pre-defined job speaks to the user its metadata names
        await clock.advance(until=datetime(2030, 1, 8, 8, 1, tzinfo=UTC))
        assert "Good morning" in {message.text for message in await ws.inbox()}
        assert "create morning: it is new" in printed
