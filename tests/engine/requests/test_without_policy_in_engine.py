"""What the engine holds by itself: a run with no policy around it, and the raw channel in hand."""

from pathlib import Path
from textwrap import dedent

import pytest

from luajobs_kit.engine import Engine
from luajobs_kit.model import Bundle, IntervalSchedule, JobSpec, LogQuery
from luajobs_kit.sandbox import Sandbox

SECRET = "k-98765-open-sesame"
HIDDEN = "h-13579-not-for-this-job"
AS_IT_IS = """
body = b'{"result":' + %s + b'}'
say.send_raw(len(body).to_bytes(4, 'big') + body)
"""
WORLDS = Path(__file__).parents[2] / "sandbox" / "worlds"


@pytest.fixture
async def raw(monkeypatch, clock):
    """An engine whose job code is given real Python, and the channel under another name."""
    monkeypatch.syspath_prepend(str(WORLDS))
    async with (
        Sandbox(world="plain_world", policy="plain_world", spares=1) as sandbox,
        await Engine.open(None, clock=clock, sandbox=sandbox) as engine,
    ):
        await engine.settings({"env": {"KEY": SECRET, "HIDDEN": HIDDEN}})
        yield engine


async def run(engine, body, **given):
    source = "def execute(job):\n    say = execute.__globals__['channel']\n"
    source += "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())
    spec = JobSpec(
        name="job",
        schedule=IntervalSchedule(seconds=99_999),
        bundle=Bundle(source=source, entry="execute", file="job.py"),
        **given,
    )
    job = await engine.create_job(spec)
    execution = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    lines = (await engine.logs(LogQuery(job_id=job.id))).logs
    return execution, [line.message for line in lines]


async def test_secrets_are_masked_in_lines_that_the_child_did_not_mask(raw):
    _, lines = await run(raw, f"say.send({{'log': [['info', 'it is {SECRET}.', 0]]}})")
    assert any("it is •••." in line for line in lines)
    assert SECRET not in str(lines)


async def test_secrets_are_masked_in_an_errors_class_message_and_trace(raw):
    error = {"type": f"E{SECRET}", "message": f"a {SECRET}", "line": 1, "trace": [SECRET]}
    execution, lines = await run(raw, f"say.send({{'error': {error!r}}})")
    assert execution.error.type == "E•••"
    assert execution.error.message == "a •••"
    assert SECRET not in execution.model_dump_json() + str(lines)


@pytest.mark.parametrize("left", [6, 10, len(SECRET) - 1])
async def test_the_beginning_of_a_secret_that_a_cut_leaves_is_masked_too(raw, left):
    text = f"'x' * (4_000 - {left}) + {SECRET!r} + 'y' * 100"
    execution, _ = await run(raw, f"say.send({{'error': {{'type': 'E', 'message': {text}}}}})")
    assert execution.error.message.endswith("x•••")


async def test_a_text_of_usual_length_is_not_masked_for_how_a_secret_begins(raw):
    execution, _ = await run(raw, f"raise ValueError('the key {SECRET[:8]}')")
    assert execution.error.message == f"the key {SECRET[:8]}"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("say.send({'result': 'x' * 2**20})", "at most 1048576 are taken"),
        (
            "say.send({'call': 1, 'verb': 'job.update_metadata', 'arguments': {'data': {'a': 'x' * 2**20}}})",
            "at most 1048576 are taken",
        ),
        ("say.send({'result': [[]] * 200_000})", "more than 150,000 values"),
        (AS_IT_IS % "b'9' * 4_250", "4,200 digits"),
        (AS_IT_IS % "b'NaN'", "NaN, which JSON does not have"),
    ],
)
async def test_a_bound_that_the_child_did_not_keep_ends_its_run(raw, body, says):
    execution, _ = await run(raw, body + "\nimport time; time.sleep(30)")
    assert execution.status == "killed"
    assert says in execution.error.message


async def test_settings_a_job_is_not_given_are_not_in_its_process(raw):
    execution, _ = await run(raw, "import json; return json.dumps(job)", env=["KEY"])
    assert SECRET in execution.result
    assert HIDDEN not in execution.result
