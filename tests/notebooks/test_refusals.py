"""A refusal in a cell shows the cell's own line and what to do, not the inside of the kit."""

import re

CELLS = [
    "from luajobs_kit import Jobs, once, every\nimport os\ncity = os.getcwd()",
    (
        "async def greet(job):\n    print(city)\n\n"
        "await Jobs.create(name='x', schedule=every(hours=1), execute=greet)"
    ),
    "once(10)",
    # This one is the engine's word, from across the connection.
    "async def nothing(job):\n    pass\nawait Jobs.create(name='', schedule=every(5), execute=nothing)",
    "def mine():\n    return once(minutes='10')\nmine()",
]


def test_a_refusal_shows_the_cells_own_lines_alone(run_cells):
    client, _ = run_cells(*CELLS)
    shown = [
        re.sub(r"\x1b\[[\d;]*m", "", "\n".join(output.traceback))
        for cell in client.nb.cells
        for output in cell.outputs
        if output.output_type == "error"
    ]

    assert len(shown) == 4
    for text in shown:
        assert "luajobs_kit/" not in text
        assert len(text.splitlines()) < 20
    assert "--> 4" in shown[0] or "----> 4" in shown[0]
    assert "greet uses 'city'" in shown[0]
    assert "write once(seconds=10)" in shown[1]
    assert "needs a name" in shown[2]
    assert "in mine()" in shown[3]
