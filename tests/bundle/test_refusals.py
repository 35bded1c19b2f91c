"""Refusals of code that cannot stand by itself: each name with its line, and the way out."""

from __future__ import annotations

import functools
from contextlib import nullcontext
from pathlib import Path

import pytest

from luajobs_kit.bundle import capture, verify
from luajobs_kit.errors import InvalidInput, NotSelfContained
from luajobs_kit.model import Bundle

GREETINGS = ["hello"]
GREETINGS.append("good day")


def test_a_closure_is_refused_in_the_words_of_the_reference():
    input = {"message": "hi"}  # noqa: A001 - the reference's own example

    async def execute(job):
        user = await job.user()
        await user.send(input["message"])

    with pytest.raises(NotSelfContained) as refused:
        capture(execute)
    line = execute.__code__.co_firstlineno + 2
    assert str(refused.value) == (
        f"execute uses 'input' (line {line}), which belongs to the function around it. "
        'Jobs run isolated: pass it in with metadata={"input": …} and read job.metadata["input"].'
    )
    assert refused.value.details["names"][0]["line"] == line


def test_everything_from_outside_is_refused_at_once_each_with_its_line():
    import os

    import pluggy as requests  # stands for any third-party package

    class Frame:
        pass

    frame = Frame()

    def outside_helper(value):
        return value

    async def execute(job, start=GREETINGS):
        helped = outside_helper(start)
        page = requests.get("https://example.org")
        key = os.listdir("keys")  # noqa: PTH208 - likewise
        with open("file.txt") as file:  # noqa: ASYNC230, PTH123 - a job that must be refused
            rows = file.read()
        import numpy as np

        nobody_knows(rows)  # noqa: F821
        return frame, helped, page, key, np

    with pytest.raises(NotSelfContained) as refused:
        capture(execute)
    first = execute.__code__.co_firstlineno
    found = {entry["name"]: entry for entry in refused.value.details["names"]}
    assert {name: entry["line"] - first for name, entry in found.items()} == {
        "GREETINGS": 0,
        "outside_helper": 1,
        "requests": 2,
        "os": 3,
        "open": 4,
        "numpy": 6,
        "nobody_knows": 8,
        "frame": 9,
    }
    assert "define it inside execute" in found["outside_helper"]["text"]
    assert 'job.metadata["GREETINGS"]' in found["GREETINGS"]["text"]
    assert "Keep data with Data" in found["open"]["text"]
    assert "tools.NAME" in found["numpy"]["text"]
    assert "@ws.tool" in found["requests"]["text"]
    assert "a Frame cannot be passed in" in found["frame"]["text"]
    assert "not defined" in found["nobody_knows"]["text"]
    for entry in found.values():
        assert entry["text"] in str(refused.value)


def test_self_is_refused_with_the_attributes_to_pass():
    class Tool:
        message = "hi"

        def make(self):
            async def execute(job_instance):
                return self.message

            return execute

    with pytest.raises(NotSelfContained, match="the object that its method belongs to") as refused:
        capture(Tool().make())
    assert 'metadata={"message": self.message} and read job_instance.metadata["message"]' in str(
        refused.value
    )


def test_a_counter_kept_outside_is_refused_with_update_metadata():
    count = 0

    async def execute(job):
        nonlocal count
        count += 1

    with pytest.raises(NotSelfContained, match=r"await job\.update_metadata"):
        capture(execute)


def test_defaults_decorators_and_bases_inside_are_looked_at():
    class Base:
        pass

    def decorate(function):
        return function

    async def execute(job):
        class Mine(Base):
            def method(self, start=GREETINGS):
                return start

        @decorate
        def inner():
            return Mine()

        return inner()

    with pytest.raises(NotSelfContained) as refused:
        capture(execute)
    assert [entry["name"] for entry in refused.value.details["names"]] == [
        "Base",
        "GREETINGS",
        "decorate",
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (functools.partial(print), "functools.partial"),
        (functools.lru_cache(Path), "wrapped by a decorator"),
        (Path().exists, "is a method"),
        (len, "must be a function"),
        (3, "not an int"),
        (lambda job: (yield job), "yields"),
        (lambda job, other: job, 'metadata={"other": …}'),
        (eval("lambda job: 1"), "Python keeps no source"),
        ("job.py", "Path('job.py')"),
        ("x = 1", "defines no function"),
        ("def a(job): 1\ndef b(job): 2", "several functions"),
        ("async def execute(job):\n  return (", "line 2 of <source>"),
        (Path("/nowhere/at/all.py"), "cannot be read"),
        (
            f"def f(job): return {'9' * 200_000}",
            "an integer has 200,000 digits, more than the 4,300 that",
        ),
        (f"def f(job): return {'9' * 200_000}", "write it in hexadecimal, 0x…"),
        (f"def f(job): return [{'1,' * 110_000}]", "has more than 100,000 parts"),
        (f"def f(job): return {'(' * 300}", "too many nested parentheses"),
        (f"def f(job): return {'-' * 100_000}1", "nested too deeply"),
    ],
)
def test_what_cannot_be_a_job_is_refused_with_the_reason(given, words):
    with pytest.raises(InvalidInput) as refused:
        capture(given)
    assert words in str(refused.value)
    assert len(str(refused.value)) < 400


def test_the_makers_own_objects_are_refused_with_what_jobs_have():
    from luajobs_kit import Workspace

    ws = Workspace("/nowhere")

    async def execute(job):
        return await ws.data.get("notes")

    with pytest.raises(NotSelfContained, match=r"Jobs have: .*Data"):
        capture(execute)

    kept = ws.data

    async def other(job):
        return await kept.get("notes")

    assert capture(other).source.startswith("from luajobs_kit import Data as kept\n")


def test_source_text_with_unknown_names_or_modules_is_refused():
    with pytest.raises(NotSelfContained, match=r"did you mean 'Products'\?"):
        capture("async def execute(job):\n    return await Product.get(1)")
    with pytest.raises(NotSelfContained, match="write `import json` inside"):
        capture("async def execute(job):\n    return json.dumps(1)")
    with pytest.raises(NotSelfContained, match=r"await http\.get"):
        capture("import aiohttp\nasync def execute(job):\n    return aiohttp.get('x')")


def test_a_file_changed_since_it_was_loaded_is_noticed(tmp_path, monkeypatch):
    path = tmp_path / "changed_module.py"
    path.write_text("async def execute(job):\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    import changed_module

    path.write_text("# a new first line\n\nasync def execute(job):\n    return 2\n")
    with pytest.raises(InvalidInput, match="changed after it was loaded"):
        capture(changed_module.execute)


@pytest.mark.parametrize(
    "body",
    ["-" * 200_000 + "1", "1" + "+1" * 90_000, "a" + ".b" * 90_000, "lambda: " * 20_000 + "1"],
    ids=["minus", "plus", "attributes", "lambdas"],
)
def test_source_too_deep_for_the_compiler_is_refused(body):
    # A newer Python's compiler takes more depth, and then the bound on parts refuses it.
    with pytest.raises(InvalidInput, match=r"nested too deeply|more than 100,000 parts"):
        verify(Bundle(source=f"def f(job):\n    return {body}", entry="f"))


def test_source_that_is_too_long_is_refused():
    from luajobs_kit.bundle.capture import MAX_SOURCE
    from luajobs_kit.sandbox.policy import compile as policy

    assert MAX_SOURCE == policy.MAX_SOURCE
    with pytest.raises(InvalidInput, match="characters; 256000 is the most"):
        verify(Bundle(source="def f(job): pass\n" + "#" * 256_000, entry="f"))


def test_very_many_unknown_names_are_told_in_part():
    body = "".join(f"    unknown_{number}\n" for number in range(5_000))
    with pytest.raises(NotSelfContained) as refused:
        verify(Bundle(source=f"def f(job):\n{body}", entry="f"))
    assert len(refused.value.details["names"]) == 50


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("from typing import get_type_hints", "Use dataclasses.fields(…)"),
        ("from asyncio import Condition", "Use asyncio.Event or asyncio.Queue."),
        ("from math import squirt", "Did you mean sqrt?"),
        ("from pytz import timezone", "Use zoneinfo.ZoneInfo(name)."),
    ],
)
def test_an_import_of_what_jobs_lack_is_refused_with_what_they_have(line, words):
    with pytest.raises(NotSelfContained) as refused:
        verify(Bundle(source=f"def f(job):\n    {line}\n", entry="f"))
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("handler", "refused"),
    [
        ("ImportError", False),
        ("(ValueError, ModuleNotFoundError)", False),
        ("Exception", True),  # it may be there for something else
    ],
)
def test_an_import_may_be_of_what_jobs_lack_where_its_failure_is_caught(handler, refused):
    lines = ["try: import numpy", f"except {handler}: numpy = None", "return numpy"]
    source = "def f(job):\n" + "".join(f"    {line}\n" for line in lines)
    with pytest.raises(NotSelfContained) if refused else nullcontext():
        verify(Bundle(source=source, entry="f"))
