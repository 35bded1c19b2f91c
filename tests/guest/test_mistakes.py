"""Mistakes a newcomer makes inside a job, and the messages they get."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from guest_run import RecordingChannel, run_here

from luajobs_kit.errors import InvalidInput, NotAllowed, PolicyViolation
from luajobs_kit.sandbox import Program
from luajobs_kit.sandbox.child import tracebacks
from luajobs_kit.sandbox.child.json_encoding import plain
from luajobs_kit.sandbox.host.outcomes import compiled_code
from luajobs_kit.sandbox.policy import compile as policy

META = {"n": 1, "deep": {"a": [1]}}
JOB = {
    "id": "job_1",
    "name": "test",
    "metadata": META,
    "activeVersion": {"id": "v2", "version": "1.0.1"},
    "versions": [],
}

_NOT_AWAITED = (
    "'NoneType' object can't be awaited"
    if sys.version_info >= (3, 14)
    else "object NoneType can't be used in 'await' expression"
)


def run(*lines: str, kind: str = "async def") -> Any:
    source = f"{kind} main(job):\n" + "".join(f"    {line}\n" for line in lines)
    channel = RecordingChannel({"job.update_metadata": {"n": 2}, "job.deactivate": JOB})
    return plain(run_here(source, context={"job": JOB}, channel=channel), "the result")


def message(*lines: str, kind: str = "async def") -> str:
    with pytest.raises(
        (
            TypeError,
            AttributeError,
            KeyError,
            RuntimeError,
            ExceptionGroup,
            NotAllowed,
            InvalidInput,
        )
    ) as caught:
        run(*lines, kind=kind)
    words = str(tracebacks.describe(caught.value, "job.py")["message"])
    del caught  # it holds this frame, and what was not awaited
    return words


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Let go of what was not awaited here, where the warning of it is no news."""
    yield
    run_here("def main(job):\n    pass\n")
    gc.collect()


@pytest.mark.parametrize(
    ("line", "example"),
    [
        ('job.metadata["x"] = 5', '"x": 5'),
        ('job.metadata["n"] += 1', '"n": 2'),
        ('job.metadata["x"] = [1]', '"x": …'),
        ('del job.metadata["n"]', '"n": None'),
        ('job.metadata.update({"x": 5})', '"x": 5'),
        ("job.metadata.update(x=5)", '"x": 5'),
        ('job.metadata.pop("n")', '"n": None'),
        ('job.metadata.setdefault("x", 5)', '"x": 5'),
        ("job.metadata.clear()", '"x": 5'),
        ('m = job.metadata; m |= {"x": 5}', '"x": 5'),
        ('await job.deactivate(); job.metadata["x"] = 5', '"x": 5'),
    ],
)
def test_metadata_that_would_be_lost_is_refused(line: str, example: str) -> None:
    assert message(line) == (
        f"job.metadata is a snapshot; keep a value with await job.update_metadata({{{example}}})"
    )


@pytest.mark.parametrize(
    "line",
    [
        'job.data["name"] = "x"',
        'job.data.name = "x"',
        'job.data.update({"name": "x"})',
        'del job.data["name"]',
        'job.active_version["version"] = "2.0.0"',
        'await job.deactivate(); job.data["name"] = "x"',
    ],
)
def test_a_change_of_what_only_shows_the_job_is_refused(line: str) -> None:
    assert message(line) == (
        "this only shows the job, and changing it changes nothing: keep a value with "
        'await job.update_metadata({"x": 5}), or change a copy of your own, such as dict(job.data)'
    )


def test_an_attribute_put_on_the_job_is_refused_with_what_keeps_it() -> None:
    assert message("job.count = 3") == (
        "job.count cannot be set, and would not be kept; keep a value with "
        'await job.update_metadata({"count": 3})'
    )
    for line in ('delattr(job, "_data")', "del job.name", 'setattr(job, "_data", {})'):
        with pytest.raises((TypeError, AttributeError, NotAllowed, PolicyViolation)):
            run(line)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("job.metadata", META),
        ("dict(job.metadata)", META),
        ('dict(job.data)["name"]', "test"),
        ("{**job.metadata}", META),
        ('job.metadata | {"x": 5}', {**META, "x": 5}),
        ("[*job.metadata]", ["n", "deep"]),
        ("job.metadata == {'n': 1, 'deep': {'a': [1]}}", True),
        ("job.metadata.deep.a", [1]),
        ("job.metadata.get('x', 7)", 7),
        ("json.loads(json.dumps(job.metadata))", META),
        ("changed(job.metadata.copy())", {**META, "x": 5}),
        ("changed(copy.copy(job.metadata))", {**META, "x": 5}),
        ("changed(copy.deepcopy(job.metadata))", {**META, "x": 5}),
        ("copy.deepcopy(job.metadata).deep is job.metadata.deep", False),
        ("isinstance(job.metadata, dict)", True),
        ("await job.update_metadata({'n': 2})", {"n": 2}),
        ("(await job.update_metadata({'n': 2})) is job.metadata", True),
    ],
)
def test_metadata_is_read_and_copied_like_a_dict(expression: str, value: Any) -> None:
    helper = ("import copy, json", "def changed(d):", "    d['x'] = 5", "    return d")
    assert run(*helper, f"return {expression}") == value


@pytest.mark.parametrize(
    ("lines", "advice"),
    [
        (('user = job.user(); user.send("hi")',), ": await job.user()"),
        (("user = job.user(); return user.id",), ": await job.user()"),
        (('return getattr(User.get("u"), "plan")',), ": await User.get()"),
        (('return len(Data.get("x"))',), ""),
        (('return [each for each in Data.get("x")]',), ""),
        (('return Data.get("x")[0]',), ""),
        (("import json; return json.dumps(job.user())",), ""),
        (("return [job.user()]",), ": await job.user()"),
        (("async def mine(): pass", "return {'a': mine()}"), ": await mine()"),
    ],
)
@pytest.mark.filterwarnings("ignore:coroutine")
@pytest.mark.usefixtures("forgotten")
def test_a_forgotten_await_is_named(lines: tuple[str, ...], advice: str) -> None:
    assert message(*lines).endswith(f"put await in front of the call{advice}")


@pytest.mark.filterwarnings("ignore:coroutine")
@pytest.mark.usefixtures("forgotten")
def test_a_result_that_was_not_awaited_says_so() -> None:
    assert message("return job.user()") == (
        "the result is a call that was not awaited; "
        "put await in front of the call: await job.user()"
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("return job.metdata", "'JobInstance' object has no attribute 'metdata'. Did you mean: 'metadata'?"),
        ("return 'a'.uper()", "'str' object has no attribute 'uper'. Did you mean: 'upper'?"),
        ("return [].push(1)", "'list' object has no attribute 'push'"),
        ("return int.from_byte", "type object 'int' has no attribute 'from_byte'. Did you mean: 'from_bytes'?"),
        ('return job.metadata["m"]', "'m'; it has n, deep; .get(…) gives None for what is missing"),
        ("return Mine().grete()", "'Mine' object has no attribute 'grete'. Did you mean: 'greet'?"),
        ("await print('x')", f"{_NOT_AWAITED}; there is nothing to wait for: leave out await"),
    ],
)  # fmt: skip
def test_what_was_meant_is_asked(line: str, words: str) -> None:
    mine = ("class Mine:", "    def greet(self): pass", "    def __dir__(self): return 1 / 0")
    assert message(*mine, line) == words


def test_a_task_needs_an_async_function() -> None:
    lines = ("import asyncio", "async def f(): pass", "asyncio.create_task(f())")
    assert message(*lines, kind="def").startswith("no running event loop; make")
    unopened = ("import asyncio", "async def f(): pass", "asyncio.TaskGroup().create_task(f())")
    assert message(*unopened).startswith("the TaskGroup is not open; use: async with")


def test_a_group_of_errors_says_which_with_their_lines() -> None:
    lines = (
        "import asyncio",
        "async def bad(n): raise ValueError(n)",
        "async with asyncio.TaskGroup() as group:",
        "    group.create_task(bad('first'))",
    )
    assert message(*lines) == (
        "unhandled errors in a TaskGroup (1 sub-exception): ValueError: first (line 3)"
    )


def test_notes_of_an_error_are_told_whatever_job_code_puts_among_them() -> None:
    lines = (
        "class Odd(str):",
        "    def __str__(self): return 5",
        "    def __getitem__(self, part): return 5",
        "error = KeyError('a')",
        "error.add_note('first')",
        "error.__notes__.extend([3, Odd('second'), *'0123456789'])",
        "raise error",
    )
    assert message(*lines) == "; ".join(["'a'", "first", "second", *"0123456"])


def test_other_errors_keep_their_words() -> None:
    assert message('raise TypeError("mine")') == "mine"
    assert message("return None.id") == "'NoneType' object has no attribute 'id'"


def test_the_version_that_runs_is_among_the_versions() -> None:
    assert run("return [each.version for each in job.data.versions]") == ["1.0.1"]
    assert run("return [v.id for v in (await job.deactivate()).data.versions]") == ["v2"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("object()", "the result is an object, which JSON"),
        ("{'a': [1, object()]}", "the result['a'][1] is an object, which JSON"),
        ("{(1, 2): 1}", "a key of the result is a tuple; keys"),
        ("slice(1)", "the result is a slice, which JSON"),
    ],
)
def test_a_result_without_a_form_is_named_with_its_place(value: str, words: str) -> None:
    assert message(f"return {value}").startswith(words)


@pytest.mark.parametrize(
    ("value", "how"),
    [
        ("(x for x in [1])", "list(…)"),
        ("map(str, [1])", "list(…)"),
        ("range(3)", "list(…)"),
        ("{}.items()", "list(…)"),
        ("itertools.count()", "list(…)"),
        ("Point(1)", "dataclasses.asdict(…)"),
        ("[Plain()]", "vars(…)"),
        ("main", "call it, with (…)"),
        ("Plain().go", "call it, with (…)"),
        ("Plain", "call it, with (…)"),
        ("1j", "str(…)"),
    ],
)
def test_a_result_without_a_form_is_told_how_to_get_one(value: str, how: str) -> None:
    source = (
        "import dataclasses, itertools\n@dataclasses.dataclass\nclass Point:\n    x: int\n"
        "class Plain:\n    def go(self): pass\n"
        f"def main(job):\n    return {value}\n"
    )
    with pytest.raises(TypeError, match="which JSON cannot hold") as caught:
        plain(run_here(source), "the result")
    assert str(caught.value).endswith(f"turn it into one of these: {how}")


@pytest.mark.parametrize(
    "line",
    ["return job.gi_frame", "return job.__subclasses__()", "import socket", "return eval('1')"],
)
def test_a_refusal_is_two_sentences_with_one_full_stop_each(line: str) -> None:
    program = Program(f"def main(job):\n    {line}\n", "main")
    with pytest.raises(policy.SourceRefused) as caught:
        policy.compile_source(program.source, file="job.py", first_line=1, entry="main")
    refused = [
        [each.line, each.text, each.rule, each.advice, each.file]
        for each in caught.value.violations
    ]
    with pytest.raises(PolicyViolation) as refusal:
        compiled_code({"refused": refused}, program)
    assert ". " in str(refusal.value)
    assert ".." not in str(refusal.value)
    assert ".." not in str(caught.value)


def test_a_done_callback_that_fails_is_in_the_log_and_the_job_goes_on() -> None:
    source = (
        "import asyncio\n"
        "async def main(job):\n"
        "    t = asyncio.create_task(asyncio.sleep(0, 'v'))\n"
        "    t.add_done_callback(lambda done: 1 / 0)\n"
        "    await t\n"
        "    await asyncio.sleep(0)\n"
        "    return 'went on'\n"
    )
    channel = RecordingChannel()
    assert run_here(source, channel=channel) == "went on"
    assert channel.lines == [
        ("warn", "a done-callback failed: ZeroDivisionError('division by zero')")
    ]


def test_a_timeout_without_words_gets_some() -> None:
    assert (
        tracebacks.describe(TimeoutError(), "job.py")["message"]
        == "it took longer than its timeout"
    )
    assert tracebacks.describe(TimeoutError("mine"), "job.py")["message"] == "mine"


def test_a_number_too_long_to_be_written_is_told_with_what_writes_it() -> None:
    with pytest.raises(ValueError, match="Exceeds the limit") as raised:
        run("str(10**5000)")
    assert tracebacks.describe(raised.value, "job.py")["message"] == (
        "an integer has more digits than the 4,300 that Python converts; "
        "hex(number) and int(text, 16) convert any number"
    )


def test_a_unit_of_time_that_is_not_there_is_told_with_what_to_write() -> None:
    with pytest.raises(InvalidInput, match=r"a week is 7 days: write every\(days=14\)"):
        run("from luajobs_kit import every", "every(weeks=2)")
    with pytest.raises(InvalidInput, match=r"a month has no fixed length; write once\(at="):
        run("from luajobs_kit import once", "once(months=1)")
    assert "every has no 'moons'" in message("from luajobs_kit import every", "every(moons=1)")
