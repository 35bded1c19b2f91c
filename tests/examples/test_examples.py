"""The reference's three complete examples, for real: tool, job, child process, message."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from luajobs_kit import (
    Data,
    Jobs,
    LuaAgent,
    LuaSkill,
    Products,
    ToolError,
    VirtualClock,
    Workspace,
)
from luajobs_kit.examples.followup import ScheduleFollowupTool
from luajobs_kit.examples.reminder import ReminderTool
from luajobs_kit.examples.report import DailyReportTool

START = datetime(2030, 1, 7, 8, 0, tzinfo=UTC)


@pytest.fixture
def clock():
    return VirtualClock(START)


@pytest.fixture
async def ws(clock):
    async with Workspace.in_process(clock=clock) as workspace:
        yield workspace


@pytest.fixture
def agent():
    tools = [ReminderTool(), ScheduleFollowupTool(), DailyReportTool()]
    return LuaAgent(name="assistant", skills=[LuaSkill(name="all", tools=tools)])


async def texts(ws):
    return [(message.user_id, message.text) for message in await ws.inbox()]


async def test_a_reminder_reaches_the_user_who_asked_for_it(ws, clock, agent):
    answer = await agent.call_tool(
        "set_reminder", {"message": "Call Grace", "minutes": 10}, user="user_ada"
    )
    assert answer["success"] is True
    assert answer["message"] == "Reminder set for 10 minutes from now"
    assert answer["execute_at"] == "2030-01-07T08:10:00Z"
    await clock.advance(minutes=9)
    assert await texts(ws) == []
    await clock.advance(minutes=2)
    assert await texts(ws) == [("user_ada", "⏰ Reminder: Call Grace")]

    job = await Jobs.get_job(answer["job_id"])
    (execution,) = await job.executions()
    assert execution.status == "completed"
    assert execution.result["success"] is True
    assert [line.message for line in await execution.logs()] == ["Reminded user_ada"]
    (message,) = await ws.inbox()
    assert (message.job_id, message.execution_id) == (job.id, execution.id)


async def test_a_followup_is_sent_for_an_open_ticket_and_the_ticket_says_so(ws, clock, agent):
    ticket = await Data.create("tickets", {"number": "T-1001", "status": "open"})
    await agent.call_tool(
        "schedule_followup",
        {"ticket_id": "T-1001", "followup_hours": 24, "message": "Does it work now?"},
        user="user_bob",
    )
    await clock.advance(hours=25)
    assert await texts(ws) == [("user_bob", "📋 Ticket #T-1001 Follow-up:\n\nDoes it work now?")]
    updated = await Data.get_entry("tickets", ticket.id)
    assert updated.followup_sent is True
    assert updated.status == "open"
    assert datetime.fromisoformat(updated.followup_at).tzinfo is not None
    logs = await ws.logs(source="job", name="followup-T-1001")
    assert "Followed up on ticket T-1001" in [line.message for line in logs]


async def test_a_followup_is_not_sent_for_a_ticket_closed_in_the_meantime(ws, clock, agent):
    ticket = await Data.create("tickets", {"number": "T-1002", "status": "open"})
    answer = await agent.call_tool(
        "schedule_followup",
        {"ticket_id": "T-1002", "followup_hours": 1, "message": "Still there?"},
        user="user_bob",
    )
    await Data.patch("tickets", ticket.id, {"status": "closed"})
    await clock.advance(hours=2)
    assert await texts(ws) == []
    (execution,) = await (await Jobs.get_job(answer["job_id"])).executions()
    assert execution.result == {"success": True, "sent": False, "reason": "Ticket closed"}


async def test_a_report_counts_the_catalogue_each_day(ws, clock, agent):
    for name, price in {"Lamp": 30, "Chair": 69.5, "Gift": None}.items():
        await Products.create({"name": name, "price": price})
    answer = await agent.call_tool("setup_daily_report", {"time_of_day": "9:30"}, user="user_ada")
    await clock.advance(days=2)
    report = "📊 Daily Sales Report\n\nTotal Products: 3\nCatalog Value: $99.50\nReport Time: 9:30"
    assert await texts(ws) == [("user_ada", report)] * 2

    moved = await agent.call_tool("setup_daily_report", {"time_of_day": "07:05"}, user="user_ada")
    assert moved["job_id"] == answer["job_id"]
    job = await Jobs.get_job(answer["job_id"])
    assert job.active_version.version == "1.0.1"
    assert job.data.next_run_at == datetime(2030, 1, 10, 7, 5, tzinfo=UTC)
    other = await agent.call_tool("setup_daily_report", {"time_of_day": "07:05"}, user="user_bob")
    assert other["job_id"] != answer["job_id"]


@pytest.mark.parametrize(
    ("tool", "given", "field"),
    [
        ("set_reminder", {"message": "x", "minutes": 0}, "minutes"),
        (
            "schedule_followup",
            {"ticket_id": "1", "followup_hours": 169, "message": "x"},
            "followup_hours",
        ),
        ("setup_daily_report", {"time_of_day": "25:00"}, "time_of_day"),
    ],
)
async def test_a_wrong_input_is_told_with_the_field(ws, agent, tool, given, field):
    with pytest.raises(ToolError, match=f"{tool}: {field}:"):
        await agent.call_tool(tool, given)
    assert len(await Jobs.get_all(include_dynamic=True)) == 0
