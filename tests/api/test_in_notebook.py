"""The surface in a real kernel: cells that await, an engine of its own, tools of the notebook."""

from __future__ import annotations

import pytest

from luajobs_kit.client import discover

CELLS = [
    "from luajobs_kit import Jobs, User, every, lua_tool, acting_as, Workspace, once",
    """
async def greet(job):
    user = await job.user()
    await user.send("hello " + job.metadata["name"])
    print("greeted", user.id)
    return len(job.metadata["name"])

job = await Jobs.create(
    name="greeting", schedule=every(hours=1), metadata={"name": "Ada"}, execute=greet
)
print(job.change)
""",
    """
execution = await (await job.trigger()).wait(timeout=30)
print(execution.status, execution.result)
print([message.text for message in await (await User.get()).get_chat_history()])
""",
    """
ws = Workspace.current()

@ws.tool
async def shout(word: str) -> str:
    return word.upper()

job = await Jobs.create(
    name="shouting",
    schedule=every(hours=1),
    execute=lambda job: tools.shout(word="quiet"),
)
""",
    "print((await (await job.trigger()).wait(timeout=30)).outcome)",
    """
@lua_tool
async def remember(text: str) -> str:
    "Remember"
    print("remembering", text)
    async def execute(job):
        raise ValueError(job.metadata["text"])  # line 6
    job = await Jobs.create(
        name="remember", schedule=once(days=1), metadata={"text": text}, execute=execute
    )
    execution = await (await job.trigger()).wait(timeout=30)
    return f"{execution.data.user_id} {execution.error.file} {execution.error.line}"

print(await remember.call({"text": "x"}, user="user_bob"))
""",
    """
async with Workspace.in_process() as inner:
    await Jobs.create(name="inside", schedule=every(hours=1), execute=greet)
    print([job.name for job in await Jobs.get_all(include_dynamic=True)])
print(len(await Jobs.get_all(include_dynamic=True)))
""",
    "await Jobs.get_all()",
]


@pytest.fixture(scope="module")
def cells(notebooks, tmp_path_factory):
    """Run the cells in one kernel, in a folder of their own, and return them."""
    folder = tmp_path_factory.mktemp("notebook")
    workspace = folder / ".luajobs"
    # Run again, the second cell changes nothing.
    book = notebooks.new(*CELLS[:2], *CELLS[1:])
    notebooks.run(book, folder)
    yield book.cells
    discover.stop(workspace)


def said(cell) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def test_a_cell_run_twice_changes_nothing(cells):
    assert said(cells[1]) == "created\n"
    assert said(cells[2]) == "unchanged\n"


def test_a_job_runs_and_its_user_gets_the_message(cells):
    assert said(cells[3]) == "completed 3\n['hello Ada']\n"


def test_a_tool_of_the_notebook_answers(cells):
    assert said(cells[5]).startswith("completed in ")


def test_a_tool_prints_in_its_cell_and_an_error_names_cell_and_line(cells):
    assert said(cells[6]) == "remembering x\nuser_bob In[7] 6\n"


def test_an_engine_in_the_kernel_is_current_in_its_block_only(cells):
    assert said(cells[7]) == "['inside']\n3\n"


def test_a_list_shows_as_a_table_that_says_what_it_left_out(cells):
    (output,) = cells[8].outputs
    assert "3 dynamic jobs are left out" in output.data["text/html"]
    assert "3 dynamic jobs are left out" in output.data["text/plain"]
