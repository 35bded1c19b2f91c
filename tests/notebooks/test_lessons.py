"""The lessons run from top to bottom, on a workspace of their own, and say what they promise."""

import json
from pathlib import Path

import pytest

VIEW = "application/vnd.jupyter.widget-view+json"
LESSONS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.fixture
def words_of(notebooks, run_book):
    """Run a lesson, and return everything its cells said.

    ``tidy`` cleans up at the end, as the quick start does when its reader has looked around.
    """

    def ran(name, *, tidy=False):
        book = notebooks.read(LESSONS / name)
        if tidy:
            last = [cell for cell in book.cells if cell.cell_type == "code"][-1]
            last.source = last.source.replace("looked_around = False", "looked_around = True")
        run_book(book)
        return all_words(book)

    return ran


def all_words(book):
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    return "\n".join(
        output.get("text") or output.get("data", {}).get("text/plain") or "" for output in outputs
    )


@pytest.fixture(scope="module")
def quick_start(notebooks, run_book_once):
    """The quick start after "Run All", and the client that ran it."""
    book = notebooks.read(LESSONS / "quickstart.ipynb")
    return book, run_book_once(book)


def test_the_quick_start_takes_a_newcomer_through_the_first_five_minutes(quick_start):
    words = all_words(quick_start[0])

    assert "'Your first job has run!'" in words
    assert "'runs': 1" in words or "'runs': 2" in words
    assert "greet_city uses 'city' (line 9)" in words
    assert 'job.metadata["city"]' in words
    assert "Good morning, Lisbon" in words
    assert "'worked at try 2'" in words
    assert "1 failed nobody answered\n2 completed" in words
    assert "4 jobs>" in words  # the panel's own line
    assert "counter: Good day! This is run" in words


def test_run_all_leaves_the_quick_starts_panel_open(quick_start):
    book, client = quick_start
    views = [
        output["data"][VIEW]["model_id"]
        for cell in book.cells
        for output in cell.get("outputs", [])
        if VIEW in output.get("data", {})
    ]
    panel = client.widget_state[views[-1]]
    assert "luajobs-panel" in panel["_dom_classes"]


def test_the_quick_start_cleans_up_when_its_reader_says_so(words_of):
    words = words_of("quickstart.ipynb", tidy=True)

    assert words.count("deleted") == 4


@pytest.mark.soak
def test_the_quick_start_says_the_same_when_it_is_run_again_with_its_jobs_there(words_of):
    words_of("quickstart.ipynb")
    again = words_of("quickstart.ipynb")

    assert "<Job 'hello' active rearmed" in again
    assert "'Your first job has run!'" in again
    assert "'worked at try 2'" in again
    assert "1 failed nobody answered\n2 completed" in again


def test_the_lesson_on_tools_serves_two_users_and_deploys(words_of):
    words = words_of("agent_tools.ipynb")

    assert "Alice got: Reminder: Water plants" in words
    assert "Ben got: Reminder: Call home" in words
    assert "remind_me: seconds" in words
    assert "+ create morning-count" in words
    assert "= leave morning-count" in words


@pytest.mark.parametrize("lesson", sorted(LESSONS.glob("*.ipynb")), ids=lambda path: path.name)
def test_a_lesson_is_saved_without_outputs(lesson):
    book = json.loads(lesson.read_text(encoding="utf-8"))
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]

    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
    assert "widgets" not in book["metadata"]
