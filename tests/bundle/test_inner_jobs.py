"""Jobs that a job creates of functions of its own source."""

from __future__ import annotations

import pytest

from luajobs_kit.bundle import capture, inner_bundles, verify
from luajobs_kit.errors import InvalidInput, NotSelfContained


def inner(source):
    (found,) = inner_bundles(capture(source, file="job.py")).values()
    return found


def test_a_function_within_the_jobs_function_is_taken_with_what_stands_at_the_top():
    found = inner(
        """
        import json
        LIMIT = 3
        unused = 1

        def helper():
            return json.dumps(LIMIT)

        async def execute(job):
            from datetime import datetime

            async def later(job):
                return helper(), datetime.now(), Data

            await Jobs.create(name="later", schedule=once(minutes=1), execute=later)
        """
    )
    assert found.source == (
        "from datetime import datetime\nfrom luajobs_kit import Data\nimport json\n"
        "LIMIT = 3\n"
        "def helper():\n    return json.dumps(LIMIT)\n\n"
        "async def later(job):\n    return helper(), datetime.now(), Data\n"
    )
    assert (found.entry, found.file) == ("later", "job.py")
    assert [(each.name, each.first_line) for each in found.carried] == [("LIMIT", 3), ("helper", 6)]
    verify(found)


def test_a_lambda_and_a_function_that_creates_itself_again():
    assert (
        inner(
            "async def execute(job):\n"
            "    await Jobs.create(name='x', schedule=once(minutes=1), execute=lambda job: 1)\n"
        ).source
        == "execute = (lambda job: 1)\n"
    )
    source = (
        "async def execute(job):\n"
        "    await Jobs.create(name='x', schedule=once(minutes=1), execute=execute)\n"
    )
    assert (
        inner(source).source
        == f"from luajobs_kit import Jobs\nfrom luajobs_kit import once\n{source}"
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            ["text = 'x'", "def later(job):", "    return text", "{create}"],
            "uses 'text' .*belongs to the function around it.*metadata=",
        ),
        (["def later(job):", "    return job", "{create}"], None),
        (["later = given()", "{create}"], r"gives Jobs\.create execute=later \(line 4\)"),
        (["def later(job, more):", "    return job", "{create}"], "also needs 'more'"),
        (["await Jobs.create(name='x', execute=make()(1))"], r"execute=make\(\)\(1\) \(line 3\)"),
        (["def later(job): return 1", "later = 2", "{create}"], "does not settle"),
    ],
)
def test_what_cannot_be_taken_is_refused_when_the_outer_job_is_made(body, words):
    create = "await Jobs.create(name='x', schedule=once(minutes=1), execute=later)"
    lines = "".join(f"    {line.replace('{create}', create)}\n" for line in body)
    source = f"def given(): pass\nasync def execute(job):\n{lines}def make(): pass\n"
    if words is None:
        verify(capture(source))
        return
    with pytest.raises((NotSelfContained, InvalidInput), match=words):
        verify(capture(source))
