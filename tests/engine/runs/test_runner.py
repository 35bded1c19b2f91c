"""The runner: an engine makes its attempts by whatever keeps the contract, not by the sandbox alone."""

import asyncio
import time

import pytest

from luajobs_kit.engine import Engine
from luajobs_kit.engine.runs.runner import LocalRunner, Runner
from luajobs_kit.errors import PolicyViolation, SandboxError
from luajobs_kit.model import LogQuery, Retry
from luajobs_kit.sandbox import LogRecord, Outcome, Sandbox


class Elsewhere:
    """Runs nothing of the source: each attempt does what its first line of comment names."""

    def __init__(self):
        self.checked, self.ended, self.cancelled = [], False, False
        self.began = asyncio.Event()

    async def check(self, program):
        self.checked.append(program.entry)
        if "refused" in program.source:
            raise PolicyViolation("Not here.")

    async def run(self, program, *, context, limits, serve, on_log, alone=()):
        self.began.set()
        if "unreachable" in program.source:
            raise SandboxError("No worker is there.")
        if "for ever" in program.source:
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled = True
        on_log(LogRecord("info", f"attempt {context['execution']['attempt']}", time.time()))
        await serve("job.update_metadata", {"data": {"timeout": limits.timeout}})
        return Outcome("completed", result="from elsewhere", duration=5.0)

    def walls(self):
        return []

    async def aclose(self):
        self.ended = True


@pytest.fixture
def elsewhere():
    return Elsewhere()


@pytest.fixture
async def engine(clock, elsewhere):
    async with await Engine.open(None, clock=clock, runner=elsewhere) as engine:
        yield engine
    assert not elsewhere.ended  # whoever gave it ends it


async def test_a_job_is_checked_and_run_where_the_runner_says(engine, elsewhere, spec):
    job = await engine.create_job(spec(timeout=7))
    assert elsewhere.checked == ["execute"]
    run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    assert (run.status, run.result, run.duration) == ("completed", "from elsewhere", 5.0), run.error
    assert (await engine.get_job(job.id)).metadata == {"timeout": 7}
    [line] = (await engine.logs(LogQuery(job_id=job.id))).logs
    assert line.message == "attempt 1"


async def test_what_the_runner_refuses_becomes_no_job(engine, spec):
    with pytest.raises(PolicyViolation, match="Not here"):
        await engine.create_job(spec("'refused'"))
    assert await engine.list_jobs(include_dynamic=True) == []


async def test_an_attempt_that_no_runner_can_make_is_abandoned_and_tried_again(engine, clock, spec):
    retry = Retry(max_attempts=1, backoff_seconds=60)
    job = await engine.create_job(spec("'unreachable'", retry=retry))
    run = await engine.trigger_job(job.id)
    await clock.advance(minutes=2)
    run = await engine.get_execution(run.id)
    assert [attempt.status for attempt in run.attempts] == ["abandoned"] * 2
    assert run.error.message == "No worker is there."


async def test_cancelling_ends_the_run_elsewhere(engine, elsewhere, spec):
    job = await engine.create_job(spec("'for ever'"))
    run = await engine.trigger_job(job.id)
    await elsewhere.began.wait()
    assert (await engine.cancel_execution(run.id)).status == "cancelled"
    assert elsewhere.cancelled


async def test_the_sandbox_of_this_machine_is_a_runner(clock, spec):
    async with Sandbox() as sandbox:
        runner: Runner = LocalRunner(sandbox)
        async with await Engine.open(None, clock=clock, runner=runner) as engine:
            job = await engine.create_job(spec("return 'here'"))
            run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
            assert run.result == "here"
        assert runner.walls() == sandbox.walls() != []
