"""Functions written in notebook cells, through a real kernel."""

from __future__ import annotations

import json

import pytest

CELLS = [
    (
        "import json\nfrom datetime import datetime as dt\nfrom luajobs_kit import Data\n"
        "from luajobs_kit.bundle import capture\n"
        "shown = lambda bundle: print(json.dumps(bundle.to_json()))"
    ),
    # A function, with what the notebook imported in another cell.
    (
        "limit = 3\n\n"
        "async def execute(job):\n"
        "    found = await Data.search('tickets', 'x')\n"
        "    return json.dumps([dt.now().isoformat(), len(found)])\n\n"
        "shown(capture(execute))"
    ),
    # Two lambdas on one line.
    "one, two = (lambda job: job + 1), (lambda job: job + 2)\nshown(capture(two))",
    # A cell with top-level await, and a method's inner function.
    (
        "class Tool:\n"
        "    async def make(self):\n"
        "        def inner(job):\n"
        "            return 'inner'\n"
        "        return inner\n\n"
        "shown(capture(await Tool().make()))"
    ),
    # The old function keeps its own source after its cell was run again.
    "def again(job):\n    return 1\nfirst = again",
    "def again(job):\n\n    return 2\n\nshown(capture(first)); shown(capture(again))",
    # What belongs to the notebook.
    (
        "async def execute(job):\n    display(limit)\n"
        "try:\n    capture(execute)\nexcept Exception as error:\n"
        "    print(json.dumps([type(error).__name__, error.details['names']]))"
    ),
    # A magic that keeps no source.
    (
        "%%time\ndef timed(job):\n    return 1\n"
        "try:\n    capture(timed)\nexcept Exception as error:\n    print(json.dumps(str(error)))"
    ),
]


@pytest.fixture(scope="module")
def answers(notebooks, tmp_path_factory):
    """Run the cells in one kernel and return each line of JSON they printed."""
    book = notebooks.new(*CELLS)
    notebooks.run(book, tmp_path_factory.mktemp("notebook"))
    return [
        [
            json.loads(line)
            for output in cell.outputs
            if output.get("name") == "stdout"
            for line in output.text.splitlines()
            if line.startswith(("{", "[", '"'))
        ]
        for cell in book.cells
    ]


def test_a_cells_function_brings_the_notebooks_imports(answers):
    (bundle,) = answers[1]
    assert bundle["source"].splitlines()[:4] == [
        "from datetime import datetime as dt",
        "from luajobs_kit import Data",
        "import json",
        "async def execute(job):",
    ]
    assert bundle["file"] == "In[2]"
    assert bundle["firstLine"] == 0  # three import lines stand before line 3 of the cell


def test_the_second_of_two_lambdas_on_a_line(answers):
    (bundle,) = answers[2]
    assert bundle["source"] == "execute = (lambda job: job + 2)\n"


def test_a_methods_inner_function_from_a_cell_that_awaits(answers):
    (bundle,) = answers[3]
    assert bundle["source"] == "def inner(job):\n    return 'inner'\n"


def test_an_old_function_keeps_its_own_source(answers):
    first, again = answers[5]
    assert "return 1" in first["source"]
    assert "return 2" in again["source"]


def test_what_belongs_to_the_notebook_is_refused(answers):
    kind, names = answers[6][0]
    assert kind == "NotSelfContained"
    assert [(one["name"], one["line"]) for one in names] == [("display", 2)]
    assert "print(…)" in names[0]["text"]


def test_a_timed_cell_is_told_to_be_plain(answers):
    assert "%%time" in answers[7][0]
