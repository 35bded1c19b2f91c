"""What functions of notebook cells take along, in a real kernel: each situation, and what it gives.

Every situation is a list of cells; its last line makes a bundle of a function and runs it as the
sandbox would, or says why it is refused.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

PREPARE = """
import __future__, inspect, json
from types import SimpleNamespace as Job
from luajobs_kit.bundle import capture

def outcome_of(function, argument=None):
    try:
        bundle = capture(function)
    except Exception as refused:
        return print(json.dumps({"refused": str(refused), "type": type(refused).__name__}))
    space = {"__name__": "__main__"}
    no_annotations = __future__.annotations.compiler_flag  # none is executed in a job
    exec(compile(bundle.source, "bundle", "exec", no_annotations), space)
    result = space[bundle.entry](argument)
    if inspect.iscoroutine(result):
        try:
            result.send(None)
        except StopIteration as done:
            result = done.value
    print(json.dumps({"result": result, "carried": bundle.carried_in_words}, default=str))
"""

FOLDER = Path(__file__).parent
FOLLOWED = {}
"""Situations in which the advice of a refusal is followed: what the job gives, and the cells."""


def situations(file):
    """Return the situations of a file: by name, what is expected and the cells."""
    found = {}
    for part in (FOLDER / file).read_text().split("=== ")[1:]:
        name, expected, *cells = part.split("\n", 2)
        refused, _, followed = cells[0].partition("\n=> ")
        found[name] = (expected.split(" ", 1)[1], refused.split("\n---\n"))
        if followed:
            given, then = followed.split("\n", 1)
            FOLLOWED[name] = (given, then.split("\n---\n"))
    return found


RUNS = situations("carried.cells")
REFUSED = situations("refused.cells")


@pytest.fixture(scope="module")
def outcomes(notebooks, tmp_path_factory):
    """Run every situation in one kernel; return what each said."""
    cells = [PREPARE]
    ends = {}
    for name, (_, situation) in (RUNS | REFUSED).items():
        for key, part in ((name, situation), (f"{name} =>", FOLLOWED.get(name, ("", []))[1])):
            asked = next((n for n, cell in enumerate(part) if "outcome_of(" in cell), 0)
            ends[key] = len(cells) + asked
            cells += part
    book = notebooks.new(*cells)
    notebooks.run(book, tmp_path_factory.mktemp("carried"), allow_errors=True)
    said = {}
    for name, place in ends.items():
        if place >= len(book.cells):
            continue
        outputs = book.cells[place].get("outputs", [])
        printed = "".join(one.text for one in outputs if one.get("name") == "stdout")
        raised = [one.evalue for one in outputs if one.output_type == "error"]
        lines = [line for line in printed.splitlines() if line.startswith("{")]
        said[name] = json.loads(lines[-1]) if lines else {"raised": raised}
    return said


@pytest.mark.parametrize("name", RUNS)
def test_what_is_taken_along_gives_what_it_gives_in_the_notebook(outcomes, name):
    assert outcomes[name].get("result", outcomes[name]) == json.loads(RUNS[name][0])


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_mean_something_else_is_refused_with_the_cure(outcomes, name):
    said = outcomes[name]
    assert re.search(REFUSED[name][0], said.get("refused", str(said)), re.DOTALL), said


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_job_that_follows_the_advice_runs(outcomes, name):
    said = outcomes[f"{name} =>"]
    assert said.get("result", said) == json.loads(FOLLOWED[name][0])
