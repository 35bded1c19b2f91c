"""The query language for jobs."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import (
    Attempt,
    Bundle,
    CronSchedule,
    Execution,
    IntervalSchedule,
    Job,
    JobVersion,
    OnceSchedule,
)
from luajobs_kit.model.job_query import JobQuery, complete_query

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def a_job(name, *, user="user_amy", schedule=None, run=None, **fields):
    version = JobVersion(
        id="v",
        job_id="j",
        name=name,
        version="1.0.0",
        schedule=schedule or IntervalSchedule(seconds=60),
        bundle=Bundle(source="def f(job): pass\n", entry="f"),
        created_at=NOW,
        updated_at=NOW,
    )
    return Job(
        id="j",
        name=name,
        user_id=user,
        status="active",
        created_at=NOW,
        updated_at=NOW,
        active_version=version,
        last_execution=run,
    ).evolve(**fields)


def a_run(status, **fields):
    return Execution(
        id="e",
        job_id="j",
        job_name="x",
        version_id="v",
        version="1.0.0",
        cause="schedule",
        created_at=NOW,
        status=status,
    ).evolve(**fields)


TRIED = Attempt(number=1, status="failed", started_at=NOW)
JOBS = [
    a_job("daily-report", schedule=CronSchedule(expression="0 8 * * *"), next_run_at=NOW + MINUTE),
    a_job("Weekly Report", user="user_bob", run=a_run("failed", lateness=9.0)),
    a_job("price[1]", user=None, run=a_run("running"), last_run_at=NOW - 10 * MINUTE),
    a_job("price1", status="paused", run=a_run("pending", attempts=[TRIED])),
    a_job("once-only", schedule=OnceSchedule(execute_at=NOW), next_run_at=NOW - MINUTE),
    a_job("queued", run=a_run("pending"), last_run_at=NOW - MINUTE, next_run_at=NOW + 90 * MINUTE),
    a_job("status:odd", run=a_run("timeout")),
]


def meant(query):
    read = JobQuery.parse(query)
    return [job.name for job in JOBS if read.matches(job, NOW)]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", [job.name for job in JOBS]),
        ("*", [job.name for job in JOBS]),
        ("REPORT", ["daily-report", "Weekly Report"]),
        ("report user:bob", ["Weekly Report"]),
        ("name:*report", ["daily-report", "Weekly Report"]),
        ("daily*", ["daily-report"]),
        ("price[1]", ["price[1]"]),
        ("price[1]*", ["price[1]"]),
        ("price -user:none", ["price1"]),
        ('name:"weekly report"', ["Weekly Report"]),
        ('name:"status:odd"', ["status:odd"]),
        ("status:failed", ["Weekly Report"]),
        ("status:failed,timeout", ["Weekly Report", "status:odd"]),
        ("status:PAUSED", ["price1"]),
        ("user:none", ["price[1]"]),
        ("user:user_bob", ["Weekly Report"]),
        ("user:b*", ["Weekly Report"]),
        ("schedule:cron,once", ["daily-report", "once-only"]),
        ("next:<1h", ["daily-report", "once-only"]),
        ("next:>1h", ["queued"]),
        ("next:<1h30m1s", ["daily-report", "once-only", "queued"]),
        ("last:>5m", ["price[1]"]),
        ("last:<5m", ["queued"]),
        ("is:late", ["Weekly Report", "once-only"]),
        ("is:running", ["price[1]"]),
        ("is:waiting", ["queued"]),
        ("is:retrying", ["price1"]),
        ("-is:late -price -queued", ["daily-report", "status:odd"]),
    ],
)
def test_a_query_means_these_jobs(query, names):
    assert meant(query) == names


@pytest.mark.parametrize(
    ("query", "at", "says"),
    [
        ("statsu:failed", 0, "Did you mean 'status'?"),
        ("report status:fialed", 14, "Did you mean 'failed'?"),
        ("next:1h", 5, "write <1h, >5m"),
        ("next:<1month", 5, "write <1h, >5m"),
        ("last:<", 5, "write <1h, >5m"),
        ("next:<99999999999999d", 5, "longer than any time"),
        ('name:"weekly', 5, "a quote is open"),
        ("status:", 0, '"status:" says nothing'),
        ("report -", 7, '"-" negates nothing'),
        ("is:lat", 3, "Did you mean 'late'?"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place_and_what_was_meant(query, at, says):
    with pytest.raises(InvalidInput) as refused:
        JobQuery.parse(query)
    assert refused.value.details["at"] == at
    assert f"at character {at + 1}" in refused.value.message
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("text", "among"),
    [
        ("st", "status:"),
        ("report -st", "report -status:"),
        ("status:fa", "status:failed"),
        ("status:failed,ti", "status:failed,timeout"),
        ("user:a", "user:amy"),
        ("is:", "is:late"),
        ("next:", "next:<1h"),
    ],
)
def test_a_query_is_completed_as_one_types(text, among):
    assert among in complete_query(text, ["user_amy"])


def test_nothing_is_suggested_before_a_word_begins():
    assert complete_query("") == complete_query("report ") == []


@given(st.text(alphabet=st.sampled_from('ab*-:,"<>15mh statusnextuserilo')))
def test_any_text_is_read_or_refused_with_a_place_in_it(text):
    try:
        query = JobQuery.parse(text)
    except InvalidInput as refused:
        assert refused.details["at"] in range(len(text))  # noqa: PT017 - it may be refused or not
        return
    assert set(map(type, (query.matches(job, NOW) for job in JOBS))) == {bool}


@given(st.text(alphabet=st.sampled_from("stauexinl:-,")))
def test_what_is_suggested_begins_with_what_was_typed(text):
    assert all(each.startswith(text.rpartition(",")[0]) for each in complete_query(text))
