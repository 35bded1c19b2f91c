"""A job, its version and its user, as tests of the stores keep them."""

from datetime import UTC, datetime

from luajobs_kit.model import (
    Bundle,
    CronSchedule,
    JobRecord,
    JobVersion,
    Profile,
    UserRecord,
)

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
JOB = JobRecord(
    id="job_1", name="a", metadata={"none": None}, deleted=True, created_at=NOW, updated_at=NOW
)
VERSION = JobVersion(
    id="ver_1",
    job_id="job_1",
    name="a",
    version="1.0.0",
    schedule=CronSchedule(expression="0 8 * * 1"),
    bundle=Bundle(source="def run(job): pass", entry="run"),
    created_at=NOW,
    updated_at=NOW,
)
USER = UserRecord(id="u", profile=Profile(user_id="u"), created_at=NOW, updated_at=NOW)
