"""The magics, in a real kernel."""

JOB = """\
%%job greeting --every 60 --metadata words
async def greet(job):
    print(job.metadata["text"])
    user = await job.user()
    await user.send("sent")
    return 1 / 0
"""
RUN = """
from luajobs_kit import Jobs
job = await Jobs.get_job("greeting")
(await (await job.trigger()).wait()).outcome
"""


def test_a_cell_becomes_a_job_and_its_log_and_messages_are_shown(run_cells):
    _, said = run_cells(
        "%load_ext luajobs_kit",
        "words = {'text': 'hi'}",
        JOB,
        RUN,
        "%jobs",
        "lines = %logs greeting --limit 5\nprint(lines)",
        "%inbox",
        JOB,
    )

    assert "<Job 'greeting' active created" in said[2]
    assert "ZeroDivisionError: division by zero (line 6)" in said[3]  # as the cell numbers them
    assert "'greeting'" in said[4]
    assert said[5].index("greeting: hi") < said[5].index("greeting: ZeroDivisionError")
    assert "sent" in said[6]
    assert "<Job 'greeting' active unchanged" in said[7]


def test_a_whole_cell_is_taken_with_its_helpers_and_those_of_the_notebook(run_cells):
    cell = """\
%%job reports --every 60
MOST = 2

def half(number):
    return number // SIZES[number]

async def report(job):
    return half(MOST)
"""
    _, said = run_cells(
        "%load_ext luajobs_kit",
        "SIZES = {2: 0}",
        cell,
        RUN.replace("greeting", "reports"),
        cell,
        "SIZES = {2: 1}",
        cell,
        RUN.replace("greeting", "reports"),
        "%%job both --every 60\ndef a(job): pass\ndef b(job): pass",
    )
    assert "takes along half(), SIZES, MOST" in said[2]
    assert "ZeroDivisionError" in said[3]
    assert "(line 5)" in said[3]
    assert "reports' active unchanged" in said[4]
    assert "reports' active updated" in said[6]
    assert "completed" in said[7]
    assert "call that one `execute`" in said[8]


def test_what_is_wrong_with_a_magics_line_is_said_and_makes_no_job(run_cells):
    _, said = run_cells(
        "%load_ext luajobs_kit",
        "%%job one\nasync def f(job): pass",
        "%%job two --every 60\nx = 1",
        "%%job three --in soon\nasync def f(job): pass",
        "%%job four --in 5m --metadata nothing\nasync def f(job): pass",
        "%%job five --every 5m --timezone Europe/Berlin\nasync def f(job): pass",
        "%jobs",
    )

    assert "one of the arguments --every --cron --in is required" in said[1]
    assert "(this cell) defines no function" in said[2]
    assert "is no length of time" in said[3]
    assert "nothing is not defined" in said[4]
    assert "--timezone belongs to --cron" in said[5]
    assert said[6] == "[]"


def test_a_magic_in_the_cell_that_loads_them_says_what_to_do(run_cells):
    _, said = run_cells("%load_ext luajobs_kit\n%jobs")

    assert "put this line into a cell after" in said[0]
