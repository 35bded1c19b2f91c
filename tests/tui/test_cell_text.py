"""Values as the screen's words and signs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len

from luajobs_kit.model import Attempt, CronSchedule, Execution, Job, Progress
from luajobs_kit.presentation import age, clean, length, took
from luajobs_tui.cell_text import clip, clip_left, last_outcome, next_fire
from luajobs_tui.columns import columns_for

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def a_job(**fields: object) -> Job:
    return Job(id="job_1", name="x", status="active", created_at=NOW, updated_at=NOW).evolve(
        **fields
    )


def a_run(**fields: object) -> Execution:
    return Execution(
        id="exec_1",
        job_id="job_1",
        job_name="x",
        version_id="v",
        version="1.0.0",
        cause="manual",
        created_at=NOW,
    ).evolve(**fields)


def test_a_run_that_tells_its_progress_shows_that_beside_how_long_it_runs():
    progress = Progress(done=37, total=100, at=NOW)
    attempt = Attempt(number=1, status="running", started_at=NOW - timedelta(seconds=12))
    run = a_run(status="running", attempts=[attempt], progress=progress)
    assert last_outcome(a_job(last_execution=run), NOW).text == "▶ 37% 12s"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0s"), (59, "59s"), (65, "1m 05s"), (7500, "2h 05m"), (6 * 86_400 + 11_000, "6d 3h")],
)
def test_lengths_take_two_units_at_most(seconds, said):
    assert length(seconds) == said


def test_countdowns_tell_the_clock_time_too():
    local = (NOW + timedelta(seconds=30)).astimezone()
    assert next_fire(a_job(next_run_at=local), NOW).text == f"30s · {local:%H:%M:%S}"
    assert next_fire(a_job(next_run_at=NOW - timedelta(seconds=1)), NOW).text.startswith("due · ")
    assert next_fire(a_job(), NOW).text == "—"


@pytest.mark.parametrize(
    "ahead", [5, 59, 3_599, 3_600, 86_399, 86_400, 6.9 * 86_400, 40 * 86_400, 500 * 86_400]
)
def test_a_countdown_fits_its_column(ahead):
    said = next_fire(a_job(next_run_at=NOW + timedelta(seconds=ahead)), NOW)
    assert len(said.text) <= 18, said


def test_the_last_outcome_tells_how_it_went_how_long_it_took_and_when():
    ended = NOW - timedelta(minutes=3)
    done = a_run(status="completed", duration=120.4, completed_at=ended)
    assert last_outcome(a_job(last_execution=done), NOW).text == "✓ 120 ms · 3m ago"
    retry = a_run(status="pending", next_attempt_at=NOW + timedelta(seconds=12))
    assert last_outcome(a_job(last_execution=retry), NOW).text == "↻ retry in 12s"
    attempt = Attempt(number=2, status="running", started_at=NOW - timedelta(seconds=65))
    running = a_run(status="running", attempts=[attempt])
    assert last_outcome(a_job(last_execution=running), NOW).text == "▶ running 1m 05s"
    assert last_outcome(a_job(), NOW).text == "not yet run"


def test_ages_and_durations_read_well():
    assert age(NOW - timedelta(days=2), NOW) == "2d ago"
    assert age(NOW + timedelta(seconds=2), NOW) == "now"
    assert took(None) == "—"
    assert took(1_250) == "1.2 s"
    assert took(125_000) == "2m 05s"


def test_controls_are_made_visible():
    assert clean("a\x1b[31mb\tc\nd\x07\x9b") == "a␛[31mb    c\nd␇�"


def test_cutting_counts_cells_not_characters():
    assert clip("日本語のジョブ", 7) == "日本語…"
    assert cell_len(clip("日本語のジョブ", 8)) <= 8
    assert clip_left("/home/me/projects/x/.luajobs", 12) == "…/x/.luajobs"


@pytest.mark.parametrize("width", [56, 60, 67, 68, 75, 76, 91, 92, 140, 200])
def test_columns_fill_the_room_there_is(width):
    assert sum(column.width for column in columns_for(width)) == width


def test_cron_is_told_shortly():
    from luajobs_tui.cell_text import _short_cron

    said = _short_cron(CronSchedule(expression="0 8 * * 1", timezone="Europe/Berlin"))
    assert said == "every Mon at 08:00, Berlin"
