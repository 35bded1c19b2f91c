"""The panel in a real JupyterLab: seen and used as a person does."""

import json
import os
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
expect.set_options(timeout=120_000)  # ms; two cores may be shared

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


NOTEBOOK = "window.jupyterapp.shell.currentWidget.content.model.sharedModel"
CELLS = f"{NOTEBOOK}.cells.map((cell) => cell.cell_type + cell.source)"
MADE = """
from luajobs_kit import Jobs, every
async def f(job): print("spoken")
for name in ("kept-one", "kept-two"):
    job = await Jobs.create(name=name, schedule=every(hours=1), execute=f)
    await (await job.trigger()).wait()
"""
# Cut, delete, insert above and below, to Markdown, to code, undo, paste, a heading, split, help.
SHORTCUTS = [*"xddabmyzv1", "Shift+M", "Shift+L", "Escape", "Shift+D", "h"]


@pytest.fixture
def panel_in_cells(open_and_run):
    page = open_and_run("letters.ipynb", "first = 1", MADE, PANEL, "last = 1")
    panel = panel_of(page)
    row = panel.locator(".luajobs-table tbody tr", has_text="kept-one")
    row.click()
    expect(panel.locator(".luajobs-log")).to_contain_text("spoken")
    return page, panel, row


def test_a_letter_in_the_panel_does_not_edit_the_notebook(panel_in_cells):
    page, panel, row = panel_in_cells
    before = page.evaluate(CELLS)

    def letters(where):
        for key in SHORTCUTS:
            page.keyboard.press(key)
        assert page.evaluate(CELLS) == before, where
        expect(page.locator(".jp-Dialog")).to_have_count(0)

    letters("a row that was clicked")
    for where, focused in {
        "the log": panel.locator(".luajobs-log"),
        "the runs": panel.locator(".luajobs-runs"),
        "a button of the panel's own": button(panel, "Pause"),
        "a button of the library": button(panel, "Run now"),
    }.items():
        focused.focus()
        letters(where)
    for where, clicked in {
        "the head": panel.locator(".luajobs-title"),
        "the space beside the buttons": panel.locator(".widget-vbox .widget-hbox").first,
    }.items():
        clicked.click()
        letters(where)

    # What had the focus is switched off, hidden, taken away.
    row.click()
    button(panel, "Deactivate").click()
    expect(button(panel, "Deactivate")).to_be_disabled()
    letters("a button that was switched off")
    button(panel, "New job").click()
    panel.locator(".luajobs-form").get_by_role("button", name="Close").click()
    expect(panel.locator(".luajobs-form")).to_be_hidden()
    letters("a form that was closed")
    button(panel, "Delete").first.click()
    button(panel, "Delete it").click()
    expect(row).to_have_count(0)
    letters("a job that was deleted")


def test_keys_in_the_panel_still_type_move_and_press(panel_in_cells):
    page, panel, _row = panel_in_cells
    before = page.evaluate(CELLS)
    button(panel, "New job").focus()
    page.keyboard.press("Enter")
    name = panel.get_by_placeholder("daily-report")
    name.click()
    page.keyboard.type("xddabmy")
    page.keyboard.press("Tab")
    schedule = panel.locator(".luajobs-form input").nth(1)
    expect(schedule).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("every 3h")
    expect(panel.get_by_text("every 3 hours · next:")).to_be_visible()
    page.keyboard.press("Tab")
    source = panel.locator(".luajobs-form textarea")
    expect(source).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("async def f(job):")
    page.keyboard.press("Enter")
    page.keyboard.type("    print('abd x')")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # the button Create

    made = panel.locator(".luajobs-table tbody tr", has_text="xddabmy")
    expect(made).to_have_attribute("aria-selected", "true")
    made.focus()
    page.keyboard.press("ArrowDown")
    expect(panel.locator(".luajobs-table tbody tr").nth(1)).to_be_focused()
    assert page.evaluate(CELLS) == before


def test_keys_with_ctrl_are_the_notebooks_in_the_panel_too(panel_in_cells):
    page, _panel, row = panel_in_cells
    page.evaluate(
        "window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells[3]"
        ".setSource('last = 2')"
    )
    dirty = "window.jupyterapp.shell.currentWidget.context.model.dirty"
    assert page.evaluate(dirty)
    row.click()
    page.keyboard.press("Control+S")
    page.wait_for_function(f"!{dirty}")

    prompts = (
        "[...document.querySelectorAll('.jp-InputPrompt')].map((one) => one.textContent).join()"
    )
    ran = page.evaluate(prompts)
    row.click()
    page.keyboard.press("Control+Enter")
    page.wait_for_function(f"{prompts} !== {ran!r}")


def test_run_all_of_the_quick_start_leaves_its_panel_open(open_and_run, lab):
    lesson = Path(__file__).resolve().parents[2] / "notebooks" / "quickstart.ipynb"
    cells = [
        "".join(cell["source"])
        for cell in json.loads(lesson.read_text())["cells"]
        if cell["cell_type"] == "code"
    ]
    page = open_and_run("quickstart.ipynb", *cells)
    panel = panel_of(page)

    page.wait_for_function(f"{KERNEL} === 'idle'")
    row = panel.locator(".luajobs-table tbody tr", has_text="counter")
    expect(row).to_contain_text("✓ completed")
    expect(panel.locator(".luajobs-stale")).to_have_count(0)
    row.scroll_into_view_if_needed()
    expect(row).to_be_visible()
    page.screenshot(path=lab.files / "quickstart.png")


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
