"""What the monitor knows, without a screen."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from luajobs_kit.model import (
    AttemptFailed,
    Bundle,
    EngineStatus,
    Execution,
    ExecutionFinished,
    ExecutionStarted,
    FireSkipped,
    IntervalSchedule,
    Job,
    JobCreated,
    JobDeleted,
    JobUpdated,
    JobVersion,
    LogLine,
    LogSource,
    LogWritten,
    Message,
    MessageSent,
    TextPart,
)
from luajobs_tui.known import Snapshot
from luajobs_tui.state import SILENCE, WINDOW, MonitorState

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Ticks:
    """Monotonic seconds that move when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def a_job(number: int = 1, **changes: object) -> Job:
    version = JobVersion(
        id=f"version_{number}",
        job_id=f"job_{number}",
        name=f"name-{number}",
        version="1.0.0",
        schedule=IntervalSchedule(seconds=30),
        bundle=Bundle(source="def f(job): pass\n", entry="f"),
        created_at=NOW,
        updated_at=NOW,
    )
    job = Job(
        id=f"job_{number}",
        name=f"name-{number}",
        user_id="user_amy",
        status="active",
        active_version=version,
        created_at=NOW,
        updated_at=NOW,
    )
    return job.evolve(**changes)


def a_run(number: int = 1, job: int = 1, **changes: object) -> Execution:
    return Execution(
        id=f"exec_{number}",
        job_id=f"job_{job}",
        job_name=f"name-{job}",
        version_id=f"version_{job}",
        version="1.0.0",
        cause="manual",
        created_at=NOW + timedelta(seconds=number),
    ).evolve(**changes)


def a_line(seq: int, job: int = 1) -> LogWritten:
    source = LogSource(primitive_id=f"job_{job}")
    return LogWritten(
        at=NOW, line=LogLine(seq=seq, timestamp=NOW, message=f"{seq}", metadata=source)
    )


def a_message(number: int, user: str = "user_amy") -> Message:
    part = TextPart(text=f"text {number}")
    return Message(id=f"msg_{number}", user_id=user, content=[part], created_at=NOW)


def status(now: datetime = NOW) -> EngineStatus:
    return EngineStatus(
        version="0.1.0",
        workspace=None,
        pid=1,
        started_at=NOW,
        now=now,
        epoch="e",
        jobs=1,
        active_jobs=1,
        running=0,
        waiting=0,
        default_user="user_amy",
        agent_id="agent_local",
    )


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def state(ticks: Ticks) -> MonitorState:
    made = MonitorState(ticks)
    made.refresh(Snapshot(status(), [a_job(1), a_job(2)]))
    made.select("job_1")
    made.take()
    return made


def test_only_what_changed_is_to_be_painted(state):
    state.apply(JobUpdated(at=NOW, job=a_job(2, status="inactive")))
    changed = state.take()
    assert changed.rows == {"job_2"}
    assert not changed.order
    assert not changed.topics
    assert not state.take().rows


def test_jobs_that_come_and_go_change_the_rows(state):
    state.apply(JobCreated(at=NOW, job=a_job(3)))
    assert state.take().order
    state.apply(JobDeleted(at=NOW, job_id="job_1", job_name="name-1"))
    assert state.take().order
    assert [job.id for job in state.visible()] == ["job_2", "job_3"]
    assert state.selected is None


def test_a_hidden_job_leaves_the_table(state):
    state.apply(JobUpdated(at=NOW, job=a_job(1, deleted=True)))
    assert [job.id for job in state.visible()] == ["job_2"]


def test_runs_become_the_last_outcome_unless_they_are_older(state):
    state.apply(ExecutionStarted(at=NOW, execution=a_run(5, status="running")))
    assert state.jobs["job_1"].last_execution.status == "running"
    state.apply(ExecutionFinished(at=NOW, execution=a_run(4, status="failed")))
    assert state.jobs["job_1"].last_execution.id == "exec_5"
    state.apply(AttemptFailed(at=NOW, execution=a_run(5, status="pending", retry_count=1)))
    assert state.jobs["job_1"].last_execution.retry_count == 1


def test_skipped_fires_are_counted(state):
    state.apply(
        FireSkipped(at=NOW, job_id="job_1", job_name="x", fire_time=NOW, count=3, reason="overlap")
    )
    assert state.jobs["job_1"].skipped_fires == 3


def test_lines_that_come_while_the_page_is_on_its_way_are_neither_lost_nor_doubled(state):
    state.apply(a_line(3))
    state.apply(a_line(4))
    page = [a_line(1).line, a_line(2).line, a_line(3).line]
    state.fill_log("job_1", page)
    state.apply(a_line(4))
    state.apply(a_line(5))
    assert [line.seq for line in state.detail.lines] == [1, 2, 3, 4, 5]
    assert [line.seq for line in state.take().lines] == [5]


def test_lines_of_other_jobs_are_not_kept(state):
    state.apply(a_line(1, job=2))
    assert not state.detail.lines
    assert not state.take().lines


def test_an_answer_about_a_job_no_longer_selected_is_dropped(state):
    state.select("job_2")
    state.fill_log("job_1", [a_line(1).line])
    state.fill_fires("job_1", [NOW])
    assert not state.detail.lines
    assert not state.detail.fires
    assert not state.detail.loaded


def test_executions_stay_newest_first_and_events_win_over_the_page(state):
    state.apply(ExecutionFinished(at=NOW, execution=a_run(2, status="completed")))
    state.fill_executions("job_1", [a_run(2, status="running"), a_run(1, status="completed")])
    state.apply(ExecutionStarted(at=NOW, execution=a_run(3, status="running")))
    assert [run.id for run in state.detail.executions.values()] == ["exec_3", "exec_2", "exec_1"]
    assert state.detail.executions["exec_2"].status == "completed"


def test_messages_to_the_jobs_user_arrive_once(state):
    for event in (a_message(1), a_message(2), a_message(3, user="user_ben")):
        state.apply(MessageSent(at=NOW, message=event))
    state.fill_messages("job_1", [a_message(1)])
    assert [message.id for message in state.detail.messages] == ["msg_2", "msg_1"]


def test_reading_afresh_forgets_what_was_read_before(state):
    state.fill_log("job_1", [a_line(9).line])
    state.lose("the engine ended", 2)
    assert state.link == "reconnecting"
    state.refresh(Snapshot(status(), [a_job(1)]))
    assert state.link == "live"
    assert list(state.jobs) == ["job_1"]
    assert state.detail.job_id == "job_1"
    assert not state.detail.loaded
    assert not state.detail.lines


def test_time_is_the_engines_carried_on_and_silence_is_told(state, ticks):
    ticks.now += 3
    assert state.now() == NOW + timedelta(seconds=3)
    assert state.link == "live"
    ticks.now += SILENCE
    assert state.link == "silent"
    state.heard(status(NOW + timedelta(seconds=9)))
    assert state.link == "live"
    assert state.now() == NOW + timedelta(seconds=9)


def test_the_filter_looks_at_name_user_status_outcome_and_schedule(state):
    state.apply(JobUpdated(at=NOW, job=a_job(2, status="paused", user_id="user_ben")))
    for words, found in {
        "name-2": ["job_2"],
        "BEN": ["job_2"],
        "amy active": ["job_1"],
        "every 30s": ["job_1", "job_2"],
        "nothing": [],
    }.items():
        state.narrow(words)
        assert [job.id for job in state.visible()] == found, words


def test_a_job_enters_and_leaves_the_filtered_table_as_it_changes(state):
    state.narrow("paused")
    state.take()
    state.apply(JobUpdated(at=NOW, job=a_job(1, status="paused")))
    assert state.take().order
    assert [job.id for job in state.visible()] == ["job_1"]


def test_beyond_a_thousand_jobs_a_window_is_shown():
    state = MonitorState()
    state.refresh(Snapshot(status(), [a_job(number) for number in range(WINDOW + 200)]))
    assert len(state.visible()) == WINDOW
    assert state.passing() == WINDOW + 200
    state.narrow("name-11")
    assert "job_1100" in {job.id for job in state.visible()}


def test_state_and_formatting_import_no_screen():
    code = (
        "import sys, luajobs_tui.state, luajobs_tui.columns;"
        "sys.exit(any(name.partition('.')[0] == 'textual' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
