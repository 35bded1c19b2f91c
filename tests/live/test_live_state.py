"""The live state, without a face."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from luajobs_kit.live.live_state import LINES_KEPT, SILENCE, LiveState
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
    Progress,
    ProgressReported,
    TextPart,
)

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
def state(ticks: Ticks) -> LiveState:
    made = LiveState(monotonic=ticks)
    made.refresh(status(), [a_job(1), a_job(2)])
    made.select("job_1")
    made.take()
    return made


def test_only_what_changed_is_to_be_painted(state):
    state.apply(JobUpdated(at=NOW, job=a_job(2, status="inactive")))
    changed = state.take()
    assert changed.jobs == {"job_2"}
    assert not changed.everything
    assert not changed.gone
    assert not changed.topics
    assert not state.take().jobs


def test_jobs_that_come_and_go_are_told(state):
    state.apply(JobCreated(at=NOW, job=a_job(3)))
    assert state.take().jobs == {"job_3"}
    state.apply(JobDeleted(at=NOW, job_id="job_1", job_name="name-1"))
    assert state.take().gone == {"job_1"}
    assert list(state.jobs) == ["job_2", "job_3"]
    assert state.selected is None


def test_a_hidden_job_is_gone(state):
    state.apply(JobUpdated(at=NOW, job=a_job(1, deleted=True)))
    assert list(state.jobs) == ["job_2"]
    assert state.take().gone == {"job_1"}


def test_of_more_jobs_than_are_kept_the_newest_stay_and_the_selected_one():
    state = LiveState(most_jobs=3)
    state.refresh(status(), [a_job(1)])
    state.select("job_1")
    for number in range(2, 7):
        state.apply(JobCreated(at=NOW, job=a_job(number)))
    assert list(state.jobs) == ["job_1", "job_5", "job_6"]
    assert state.left_out == 3


def test_runs_become_the_last_outcome_unless_they_are_older(state):
    state.apply(ExecutionStarted(at=NOW, execution=a_run(5, status="running")))
    assert state.jobs["job_1"].last_execution.status == "running"
    state.apply(ExecutionFinished(at=NOW, execution=a_run(4, status="failed")))
    assert state.jobs["job_1"].last_execution.id == "exec_5"
    state.apply(AttemptFailed(at=NOW, execution=a_run(5, status="pending", retry_count=1)))
    assert state.jobs["job_1"].last_execution.retry_count == 1


def test_progress_is_shown_by_the_run_that_told_it_until_that_is_over(state):
    def told(run: int, done: int) -> ProgressReported:
        progress = Progress(done=done, total=10, at=NOW)
        return ProgressReported(
            at=NOW, execution_id=f"exec_{run}", job_id="job_1", job_name="name-1", progress=progress
        )

    state.apply(ExecutionStarted(at=NOW, execution=a_run(5, status="running")))
    state.apply(told(5, 3))
    assert state.jobs["job_1"].last_execution.progress.done == 3
    assert state.executions["exec_5"].progress.done == 3
    assert state.take().jobs == {"job_1"}
    state.apply(told(4, 9))  # of a run that nobody shows
    state.apply(ExecutionFinished(at=NOW, execution=a_run(5, status="completed")))
    state.apply(told(5, 4))
    assert state.jobs["job_1"].last_execution.progress is None


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
    assert [line.seq for line in state.lines] == [1, 2, 3, 4, 5]
    assert [line.seq for line in state.take().lines] == [5]


def test_the_log_keeps_to_its_tail_and_takes_each_line_once(state):
    for seq in [*range(1, LINES_KEPT + 10), 5]:
        state.apply(a_line(seq))
    assert len(state.lines) == LINES_KEPT
    assert state.lines[-1].seq == LINES_KEPT + 9
    assert len(state.take().lines) == LINES_KEPT


def test_lines_of_other_jobs_are_not_kept(state):
    state.apply(a_line(1, job=2))
    assert not state.lines
    assert not state.take().lines


def test_an_answer_about_a_job_no_longer_selected_is_dropped(state):
    state.select("job_2")
    state.fill_log("job_1", [a_line(1).line])
    state.fill_fires("job_1", [NOW])
    assert not state.lines
    assert not state.fires
    assert not state.loaded


def test_executions_stay_in_order_and_events_win_over_the_page(state):
    state.apply(ExecutionFinished(at=NOW, execution=a_run(2, status="completed")))
    state.fill_executions("job_1", [a_run(1, status="completed"), a_run(2, status="running")])
    state.apply(ExecutionStarted(at=NOW, execution=a_run(3, status="running")))
    assert [run.id for run in state.executions.values()] == ["exec_1", "exec_2", "exec_3"]
    assert state.executions["exec_2"].status == "completed"


def test_messages_to_the_jobs_user_arrive_once(state):
    for event in (a_message(1), a_message(2), a_message(3, user="user_ben")):
        state.apply(MessageSent(at=NOW, message=event))
    state.fill_messages("job_1", [a_message(1)])
    assert [message.id for message in state.messages] == ["msg_1", "msg_2"]


def test_an_engine_that_was_stopped_is_told_from_one_that_is_sought(state):
    state.lose("the engine ended")
    state.lose("it was stopped", stopped=True)
    assert state.link == "stopped"
    state.refresh(status(), [])
    assert state.link == "live"
    state.lose("the engine ended")
    assert state.link == "reconnecting"


def test_an_engine_that_is_frozen_or_can_write_nothing_is_told_as_that(state):
    state.doubt("It is frozen: kill -CONT 4711")
    assert (state.link, state.trouble) == ("frozen", "It is frozen: kill -CONT 4711")
    state.heard(status().evolve(unwritten="No room to write it."))
    assert state.link == "live"
    assert state.trouble == "Nothing can be written: No room to write it."
    state.heard(status())
    assert state.trouble is None


def test_reading_afresh_forgets_what_was_read_before(state):
    state.fill_log("job_1", [a_line(9).line])
    state.fill_executions("job_1", [a_run(1, status="running")])
    state.lose("the engine ended")
    state.lose("no engine answers")
    assert (state.link, state.tries) == ("reconnecting", 2)
    state.refresh(status(), [a_job(1)])
    assert state.link == "live"
    assert list(state.jobs) == ["job_1"]
    assert state.selected_id == "job_1"
    assert not state.loaded
    assert not state.lines
    state.fill_executions("job_1", [a_run(1, status="completed")])
    assert state.executions["exec_1"].status == "completed"


def test_reading_afresh_leaves_nothing_of_a_selected_job_that_is_gone(state):
    state.fill_executions("job_1", [a_run(1)])
    state.refresh(status(), [a_job(2)])
    assert state.selected_id is None
    assert not state.executions


def test_everybodys_messages_stay_when_another_job_is_selected():
    state = LiveState(everybodys=True)
    state.refresh(status(), [a_job(1), a_job(2)])
    state.fill_messages(None, [a_message(1, user="user_ben")])
    state.apply(MessageSent(at=NOW, message=a_message(2)))
    state.take()
    state.select("job_2")
    assert [message.id for message in state.messages] == ["msg_1", "msg_2"]
    assert state.take().topics == {"log", "executions", "code", "schedule"}


def test_time_is_the_engines_carried_on_and_silence_is_told(state, ticks):
    ticks.now += 3
    assert state.now() == NOW + timedelta(seconds=3)
    assert state.link == "live"
    ticks.now += SILENCE
    assert state.link == "silent"
    state.heard(status(NOW + timedelta(seconds=9)))
    assert state.link == "live"
    assert state.now() == NOW + timedelta(seconds=9)
