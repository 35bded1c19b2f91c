"""The panel in a real kernel, seen as a front end sees it."""

import re
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
VIEW = "application/vnd.jupyter.widget-view+json"
MADE = """
from luajobs_kit import Jobs, JobsPanel, Workspace, every
async def talk(job):
    print("spoken")
job = await Jobs.create(name="talker", schedule=every(hours=1), execute=talk)
"""


def shown(client, number):
    [output] = client.nb.cells[number].outputs
    return output["data"]


def test_the_panel_shows_a_view_and_a_table_for_those_who_run_no_widgets(run_cells):
    client, _ = run_cells(MADE, "JobsPanel()", "JobsPanel()")

    first, again = shown(client, 1), shown(client, 2)
    assert '<td style="text-align:left">talker</td>' in first["text/html"]
    assert "● active" in first["text/html"]
    assert first[VIEW]["model_id"] in client.widget_state
    assert again[VIEW]["model_id"] == first[VIEW]["model_id"]  # attached, not added


def test_a_panel_of_a_workspace_inside_the_kernel_does_not_hold_up_its_loop(run_cells):
    _, said = run_cells(
        MADE,
        """
async def inner(job):
    print("inside the kernel")

async with Workspace.in_process() as ws:
    panel = JobsPanel()
    display(panel)
    made = await ws.jobs.create(name="inner", schedule=every(hours=1), execute=inner)
    print((await (await made.trigger()).wait()).status)
    panel.close()
""",
    )

    assert "<JobsPanel of a workspace in memory, 0 jobs>" in said[1]
    assert "completed" in said[1]


def test_the_readmes_first_cell_ends_with_a_panel_that_has_its_job(run_cells):
    first = re.search(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    client, said = run_cells(first[1], "job.change")

    assert "1 job>" in said[0] or "1 jobs>" in said[0]
    assert shown(client, 0)[VIEW]["model_id"] in client.widget_state
    assert "user-reminder" in shown(client, 0)["text/html"]
    assert said[1] == "'created'"
