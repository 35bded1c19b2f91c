"""Helpers, classes and constants that a job takes along: said, versioned, and their errors found."""

from __future__ import annotations

import importlib
import sys
from itertools import count

import pytest

from luajobs_kit import Jobs, NotSelfContained, every, run_isolated
from luajobs_kit.model import RunError

LIMIT = 3
SEEN: list[int] = []
GREETINGS = {"en": "hello"}


def shout(text):
    return text.upper()[:LIMIT]


def greeting(language):
    return shout(GREETINGS[language])


async def greet(job):
    return greeting(job.metadata.get("language", "en"))


async def note(job):
    SEEN.append(len(SEEN))
    GREETINGS["de"] = "hallo"
    return SEEN


_names = count()


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return a function that imports a text as a module of its own."""
    monkeypatch.syspath_prepend(tmp_path)
    made = []

    def load(text):
        name = f"jobs_module_{next(_names)}"
        (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        made.append(name)
        return importlib.import_module(name)

    yield load
    for name in made:
        sys.modules.pop(name, None)


async def test_a_job_runs_with_what_it_takes_along_and_says_what_that_is(ws):
    job = await Jobs.create(name="greeting", schedule=every(hours=1), execute=greet)
    outcome = await (await job.trigger()).wait(timeout=30)
    assert outcome.result == "HEL"
    assert "takes along greeting(), shout(), LIMIT, GREETINGS" in repr(job)
    assert "takes along" in job._repr_html_()
    assert "def shout(text):" in job.active_version.bundle.source


async def test_an_error_in_a_helper_names_the_helpers_line(ws):
    job = await Jobs.create(
        name="fails", schedule=every(hours=1), execute=greet, metadata={"language": "xx"}
    )
    outcome = await (await job.trigger()).wait(timeout=30)
    assert outcome.data.error.line == greeting.__code__.co_firstlineno + 1
    assert outcome.data.error.text == "return shout(GREETINGS[language])"
    assert outcome.data.error.file == __file__


async def test_another_helper_makes_another_version_and_moving_it_does_not(ws, module):
    text = "def helper():\n    return {}\n\ndef execute(job):\n    return helper()\n"

    async def created(source):
        return await Jobs.create(
            name="versions", schedule=every(hours=1), execute=module(source).execute
        )

    assert (await created(text.format(1))).change == "created"
    assert (await created("# moved\n\n" + text.format(1))).change == "unchanged"
    assert (await created(text.format(2))).change == "updated"


async def test_what_a_run_does_to_a_list_at_the_top_is_lost_and_said():
    outcome = await run_isolated(note)
    assert outcome.result == [0]
    (line,) = outcome.logs
    assert line.level == "warn"
    assert line.message.startswith("SEEN, GREETINGS were changed by this run, and that is lost")
    assert (await run_isolated(greet)).logs == ()


async def test_a_default_or_closure_of_another_meaning_than_the_helpers_name_is_refused(ws):
    def inner():
        LIMIT = 9  # noqa: N806 - the name is what is tried

        async def execute(job):
            return greeting("en"), LIMIT

        return execute

    with pytest.raises(NotSelfContained, match="means something else"):
        await Jobs.create(name="two", schedule=every(hours=1), execute=inner())


async def test_a_file_that_was_changed_after_it_was_loaded_is_refused(ws, module, tmp_path):
    loaded = module("def helper():\n    return 1\n\ndef execute(job):\n    return helper()\n")
    file = tmp_path / f"{loaded.__name__}.py"
    file.write_text(file.read_text().replace("return 1", "return 22"))
    with pytest.raises(NotSelfContained, match="changed after it was loaded"):
        await Jobs.create(name="stale", schedule=every(hours=1), execute=loaded.execute)


async def test_code_of_several_cells_names_the_cell_that_failed(ws):
    from luajobs_kit.author_lines import Segment
    from luajobs_kit.sandbox import Limits, Program, Sandbox

    source = "def helper():\n    return 1 / 0\ndef execute(job):\n    return helper()\n"
    cells = (Segment(1, 7, "In[2]"), Segment(3, 1, "In[5]"))
    program = Program(source, "execute", -1, "In[5]", cells)
    async with Sandbox(max_children=1, spares=1) as sandbox:
        outcome = await sandbox.run(
            program, context={"job": {}}, limits=Limits(timeout=10), serve=None
        )
    assert (outcome.error.file, outcome.error.line) == ("In[2]", 8)
    assert outcome.error.text == "return 1 / 0"
    assert outcome.error.trace == ("In[5]:2 in execute", "In[2]:8 in helper")


def follow_up_text(name):
    return f"follow-up of {name}"


async def plan(job):
    async def follow_up(job):
        return follow_up_text(job.metadata["of"])

    made = await Jobs.create(
        name="follow-up",
        schedule=every(hours=1),
        execute=follow_up,
        metadata={"of": job.name},
    )
    return made.name


async def test_a_job_creates_a_job_of_a_function_of_its_own(ws):
    job = await Jobs.create(name="plan", schedule=every(hours=1), execute=plan)
    outcome = await (await job.trigger()).wait(timeout=30)
    assert outcome.result == "follow-up", outcome.data.error
    made = await Jobs.get_job("follow-up")
    assert "takes along follow_up_text()" in repr(made)
    result = await (await made.trigger()).wait(timeout=30)
    assert result.result == "follow-up of plan"


async def test_a_job_without_parameters_creates_itself_again_later(ws):
    source = (
        "async def execute():\n"
        "    await Jobs.create(name='again', schedule=once(minutes=5), execute=execute)\n"
    )
    job = await Jobs.create(name="again", schedule=every(hours=1), source=source)
    outcome = await (await job.trigger()).wait(timeout=30)
    assert outcome.status == "completed", outcome.data.error
    assert (await job.refresh()).active_version.schedule.type == "once"


async def test_an_inner_function_that_needs_the_outer_ones_variables_is_refused_at_once(ws):
    async def outer(job):
        text = job.name

        async def inner(job):
            return text

        await Jobs.create(name="inner", schedule=every(hours=1), execute=inner)

    with pytest.raises(NotSelfContained, match=r"uses 'text' \(line \d+\).*metadata="):
        await Jobs.create(name="outer", schedule=every(hours=1), execute=outer)
    assert len(await Jobs.get_all(include_dynamic=True)) == 0


async def test_the_jobs_of_an_agents_module_take_its_helpers_along(ws, module):
    loaded = module(
        "import logging\nfrom luajobs_kit import LuaAgent, LuaJob, LuaTool, Jobs, every, lua_job\n"
        "from pydantic import BaseModel\n"
        "logger = logging.getLogger(__name__)\nRATE = 2\n"
        "def doubled(n):\n    logger.info('doubling %d', n)\n    return n * RATE\n"
        "@lua_job(schedule=every(hours=1))\nasync def nightly(job):\n    return doubled(21)\n"
        "class Later(LuaTool):\n    name = 'later'\n    description = 'Later'\n"
        "    class Input(BaseModel):\n        n: int = RATE\n    input_schema = Input\n"
        "    async def execute(self, input):\n"
        "        async def execute(job):\n            return doubled(job.metadata['n'])\n"
        "        job = await Jobs.create(name='made', schedule=every(hours=1), execute=execute,\n"
        "                                metadata={'n': input.n})\n"
        "        return job.name\n"
        "agent = LuaAgent(name='a', jobs=[nightly])\n"
    )
    await ws.deploy(loaded.agent)
    assert await loaded.Later().call({"n": 4}) == "made"
    for name, result in {"nightly": 42, "made": 8}.items():
        job = await Jobs.get_job(name)
        outcome = await (await job.trigger()).wait(timeout=30)
        assert outcome.result == result, outcome.data.error
        assert [line.message for line in await outcome.logs()][:1] == [f"doubling {result // 2}"]


@pytest.mark.parametrize(
    ("trace", "place"),
    [
        (["In[5]:2 in execute", "In[2]:8 in helper"], "line 8 of In[2]"),
        (["In[2]:2 in execute", "In[2]:8 in helper"], "line 8"),
        (["after KeyError: 'a' at In[5]:1", "In[2]:8 in execute"], "line 8"),
    ],
)
def test_an_errors_line_is_told_with_its_cell_where_that_is_not_the_jobs_own(trace, place):
    error = RunError(type="X", message="m", line=8, text="t", file="In[2]", trace=trace)
    assert error.place == place
