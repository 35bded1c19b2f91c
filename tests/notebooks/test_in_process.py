"""A workspace inside the kernel, opened in one cell and closed in another."""


def test_what_one_cell_opens_the_next_ones_use_and_the_last_one_closes(run_cells):
    _, said = run_cells(
        "from luajobs_kit import *\nws = await Workspace.in_process().open()\nws",
        """
async def greet(job):
    print("inside the kernel")
job = await Jobs.create(name="greet", schedule=every(hours=1), execute=greet)
(await (await job.trigger()).wait()).status""",
        "print(await job.logs())",
        """
import asyncio
async def read(job):
    async for page in job.track([1, 2, 3, 4], text="pages read"):
        await asyncio.sleep(0.4)
reads = await Jobs.create(name="reads", schedule=every(hours=1), execute=read)
_ = await (await reads.trigger()).wait()""",
        "JobsPanel()",
        "await ws.aclose()",
        "await job.trigger()",
    )

    assert said[0] == "<Workspace in memory in this process>"
    assert said[1] == "'completed'"
    assert said[2].rstrip().endswith("greet: inside the kernel")
    assert said[3].startswith("reads: ✓ completed in 1.")
    assert said[3].endswith("4 of 4 · pages read")
    assert "a workspace in memory" in said[4]
    assert said[5] == ""
    assert "WorkspaceError" in said[6]
    assert "is not open" in said[6]
