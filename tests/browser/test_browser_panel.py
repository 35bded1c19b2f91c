"""What a person sees and does in JupyterLab."""

import os
import re
import signal

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)  # ms; two cores may be shared

PANEL = "from luajobs_kit import JobsPanel\nJobsPanel()"
KERNEL = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status"
SOURCE = """\
async def execute(job):
    print("a line from the form: <b>not bold</b>")
    return 1 / job.metadata.get("by", 0)
"""


def panel_of(page):
    panel = page.locator(".luajobs-panel")
    expect(panel.locator(".luajobs-beat")).to_contain_text("connected")
    return panel


def button(panel, name):
    return panel.get_by_role("button", name=name, exact=False)


def test_a_job_from_the_form_is_seen_running_and_outlives_page_and_kernel(open_and_run):
    page = open_and_run("form.ipynb", PANEL)
    panel = panel_of(page)

    button(panel, "New job").click()
    panel.get_by_placeholder("daily-report").fill("from-the-form")
    schedule = panel.locator(".luajobs-form input").nth(1)
    schedule.fill("every banana")
    expect(panel.get_by_text("is no length of time")).to_be_visible()
    schedule.fill("every 2h")
    expect(panel.get_by_text("every 2 hours · next:")).to_be_visible()
    panel.locator(".luajobs-form textarea").fill(SOURCE)
    panel.locator(".luajobs-form").get_by_role("button", name="Create").click()

    row = panel.locator(".luajobs-table tbody tr", has_text="from-the-form")
    expect(row).to_have_attribute("aria-selected", "true")
    expect(row).to_contain_text("1h 59m")
    button(panel, "Run now").click()
    expect(panel.locator(".luajobs-log")).to_contain_text("<b>not bold</b>")
    expect(row).to_contain_text("✗ failed")
    expect(panel.locator(".luajobs-error")).to_contain_text(
        'ZeroDivisionError: division by zero · line 3: return 1 / job.metadata.get("by", 0)'
    )

    # The page is loaded again: the kernel goes on, and so does the panel.
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    page.goto(page.url.replace("&reset", "").replace("?reset", ""))
    panel = panel_of(page)
    expect(panel.locator(".luajobs-runs li")).to_have_count(1)
    button(panel, "Run now").click()
    expect(panel.locator(".luajobs-runs li")).to_have_count(2)

    # The kernel is restarted: the panel says that it is not live.
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(panel.locator(".luajobs-beat")).to_contain_text("not live any more")
    expect(panel).to_have_class(re.compile("luajobs-stale"))

    # Running the cell again makes it live, and there is one.
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    expect(panel.locator(".luajobs-beat")).to_contain_text("connected")
    expect(panel).to_have_count(1)
    expect(panel.locator(".luajobs-runs li")).to_have_count(2)


BUSY = """
import time
from pathlib import Path
from luajobs_kit import Jobs, every
async def talk(job):
    for n in range(3):
        print("line", n)
job = await Jobs.create(name="talker", schedule=every(seconds=2), execute=talk)
while not Path("enough").exists():  # a busy cell
    time.sleep(0.05)
"""


def test_the_panel_is_live_while_a_cell_keeps_the_kernel_busy(open_and_run, lab):
    page = open_and_run("busy.ipynb", PANEL, BUSY)
    panel = panel_of(page)

    row = panel.locator(".luajobs-table tbody tr", has_text="talker")
    expect(row).to_contain_text("✓ completed")
    expect(panel.locator(".luajobs-beat")).to_contain_text("connected")

    assert page.evaluate(KERNEL) == "busy"
    (lab.files / "enough").touch()


def test_rows_are_chosen_with_the_keyboard_and_the_log_can_be_paused(open_and_run, lab, page):
    elsewhere = []
    page.on(
        "request",
        lambda asked: (
            asked.url.startswith(("http", "ws"))
            and lab.address not in asked.url
            and elsewhere.append(asked.url)
        ),
    )
    made = """
from luajobs_kit import Jobs, every
async def talk(job):
    print("spoken by", job.name)
for name in ("kb-one", "kb-two"):
    job = await Jobs.create(name=name, schedule=every(hours=1), execute=talk)
    await (await job.trigger()).wait()
"""
    page = open_and_run("keys.ipynb", made, PANEL)
    panel = panel_of(page)
    first = panel.locator(".luajobs-table tbody tr", has_text="kb-two")
    first.click()
    expect(panel.locator(".luajobs-log")).to_contain_text("spoken by kb-two")

    first.press("ArrowDown")

    expect(panel.locator(".luajobs-table tbody tr", has_text="kb-one")).to_be_focused()
    expect(panel.locator(".luajobs-log")).to_contain_text("spoken by kb-one")
    button(panel, "Pause").click()
    button(panel, "Run now").click()
    expect(button(panel, "Follow (1 new)")).to_be_visible()
    expect(panel.locator(".luajobs-line")).to_have_count(1)
    button(panel, "Follow").click()
    expect(panel.locator(".luajobs-line")).to_have_count(2)
    assert elsewhere == []  # nothing is loaded from the network


def test_deleting_asks_before_it_deletes(open_and_run):
    made = """
from luajobs_kit import Jobs, every
async def f(job): pass
await Jobs.create(name="unwanted", schedule=every(hours=1), execute=f)
"""
    page = open_and_run("delete.ipynb", made, PANEL)
    panel = panel_of(page)
    row = panel.locator(".luajobs-table tbody tr", has_text="unwanted")
    row.click()

    button(panel, "Delete").first.click()
    expect(panel.get_by_text("Delete unwanted? Its history stays.")).to_be_visible()
    button(panel, "Delete it").click()

    expect(row).to_have_count(0)


def test_a_kernel_that_falls_silent_is_told_by_its_missing_heartbeat(open_and_run, lab):
    told = "import os, pathlib\npathlib.Path('kernel.pid').write_text(str(os.getpid()))"
    page = open_and_run("silent.ipynb", told, PANEL)
    panel = panel_of(page)
    kernel = int((lab.files / "kernel.pid").read_text())

    os.kill(kernel, signal.SIGSTOP)
    try:
        expect(panel.locator(".luajobs-beat")).to_contain_text("not live any more")
    finally:
        os.kill(kernel, signal.SIGCONT)

    expect(panel.locator(".luajobs-beat")).to_contain_text("connected")
