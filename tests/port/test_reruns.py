"""Runs that are repeated, as they were or with other metadata, by every implementation of the port."""

import pytest

from luajobs_kit.errors import Conflict, InvalidInput, NotFound
from luajobs_kit.model import VersionSpec

SAYS = "return [job.metadata, job.active_version.version]"


async def ended(port, run):
    return await port.wait_execution(run.id)


async def test_a_run_is_given_metadata_that_no_other_run_sees(port, spec):
    job = await port.create_job(spec(SAYS, metadata={"to": "alice", "n": 1}))
    run = await ended(port, await port.trigger_job(job.id, metadata={"to": "bob"}))
    assert run.result == [{"to": "bob", "n": 1}, "1.0.0"], run.error
    assert run.metadata == {"to": "bob"}
    assert (await port.get_job(job.id)).metadata == {"to": "alice", "n": 1}
    assert (await ended(port, await port.trigger_job(job.id))).result[0]["to"] == "alice"


async def test_a_rerun_has_the_version_and_the_metadata_of_the_run_and_names_it(port, spec):
    job = await port.create_job(spec(SAYS))
    first = await ended(port, await port.trigger_job(job.id, metadata={"a": 1, "b": 1}))
    new = spec(SAYS + " + ['new']")
    newer = await port.push_version(job.id, VersionSpec(schedule=new.schedule, bundle=new.bundle))
    await port.publish_version(job.id, newer.version)
    again = await ended(port, await port.rerun_execution(first.id, metadata={"b": 2}))
    assert (again.result, again.rerun_of) == ([{"a": 1, "b": 2}, "1.0.0"], first.id), again.error
    other = await ended(port, await port.rerun_execution(again.id, "1.0.1"))
    assert (other.result, other.rerun_of) == ([{"a": 1, "b": 2}, "1.0.1", "new"], again.id)


async def test_what_a_run_keeps_is_kept_and_what_it_was_given_is_not(port, spec):
    body = """
await job.update_metadata({"kept": job.metadata["given"] + 1})
await job.update_metadata({"other": 1})
first = dict(job.metadata)
await job.update_metadata({"given": 7})
return [first, dict(job.metadata)]
"""
    job = await port.create_job(spec(body, metadata={"given": 0}))
    run = await ended(port, await port.trigger_job(job.id, metadata={"given": 5}))
    assert run.result == [
        {"given": 5, "kept": 6, "other": 1},
        {"given": 7, "kept": 6, "other": 1},
    ], run.error
    assert (await port.get_job(job.id)).metadata == {"given": 7, "kept": 6, "other": 1}


async def test_a_run_that_is_not_over_is_not_run_again(port, spec):
    job = await port.create_job(spec("import asyncio\nawait asyncio.sleep(3600)"))
    run = await port.trigger_job(job.id)
    with pytest.raises(Conflict, match="wait for it or cancel it"):
        await port.rerun_execution(run.id)
    await port.cancel_execution(run.id)
    await port.cancel_execution((await port.rerun_execution(run.id)).id)


async def test_the_same_key_runs_again_once(port, spec, fresh):
    job = await port.create_job(spec())
    first = await ended(port, await port.trigger_job(job.id))
    key = fresh("key")
    once = await port.rerun_execution(first.id, key=key)
    assert (await port.rerun_execution(first.id, key=key)).id == once.id


async def test_what_cannot_be_run_again_is_refused_and_nothing_runs(port, spec):
    job = await port.create_job(spec())
    first = await ended(port, await port.trigger_job(job.id))
    with pytest.raises(NotFound, match="no execution"):
        await port.rerun_execution("exec_none")
    with pytest.raises(NotFound, match="no version"):
        await port.rerun_execution(first.id, "9.9.9")
    with pytest.raises(InvalidInput, match="metadata"):
        await port.rerun_execution(first.id, metadata={"text": "x" * 2_000_000})
    assert (await port.list_executions(job.id)).total == 1
    await port.delete_job(job.id)
    with pytest.raises(NotFound):
        await port.rerun_execution(first.id)


async def test_job_code_triggers_a_run_with_metadata_of_its_own(port, spec):
    body = """
if job.metadata.get("again"):
    return "second"
run = await job.trigger(metadata={"again": True})
return run.metadata
"""
    job = await port.create_job(spec(body))
    first = await ended(port, await port.trigger_job(job.id))
    assert first.result == {"again": True}, first.error
    page = await port.list_executions(job.id)
    assert (await ended(port, page.executions[0])).result == "second"
