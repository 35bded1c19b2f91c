"""The one screen: jobs above, the selected one below."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar, Final

from rich.markup import escape
from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import DataTable, Footer, Static, TabbedContent

from luajobs_kit.acting_user import acting_user
from luajobs_kit.live.change_set import Topic
from luajobs_kit.live.engine_link import SameLoop
from luajobs_kit.live.event_feed import Feed
from luajobs_kit.model import Execution, Job
from luajobs_kit.port import Port
from luajobs_kit.presentation import clean
from luajobs_tui.cell_text import clip
from luajobs_tui.messages import NewsArrived, RequestAnswered, RequestRefused
from luajobs_tui.monitor_state import WINDOW
from luajobs_tui.screens.help import Help
from luajobs_tui.screens.job_search import JobSearch
from luajobs_tui.theme import style
from luajobs_tui.widgets.detail import Detail
from luajobs_tui.widgets.head_line import HeadLine
from luajobs_tui.widgets.job_table import JobTable
from luajobs_tui.widgets.search_bar import SearchBar

FRAME: Final = 0.05  # seconds between two paintings, however much happens
SETTLED: Final = 0.08  # seconds a job stays under the cursor before its detail is read
SHOWN: Final = 5.0  # seconds the next key waits for what the engine did to be shown
SIDE_BY_SIDE: Final = 160  # cells from which the detail stands beside the table
NO_JOBS: Final = """\
No job yet.

Press  n  to create the first: the form comes with a template that works.

Or in a notebook; it shows up here at once:

    from luajobs_kit import Jobs, every

    async def hello(job):
        print("hello")

    await Jobs.create(
        name="hello",
        schedule=every(seconds=30),
        execute=hello,
    )"""


class Monitor(JobSearch):
    """The monitor's one screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "run", "Run"),
        Binding("a", "activate", "Activate"),
        Binding("d", "deactivate", "Deactivate"),
        Binding("x", "delete", "Delete"),
        Binding("n", "create", "New"),
        Binding("c", "cancel", "Cancel"),
        Binding("slash", "find", "Find", key_display="/"),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "app.quit", "Quit"),
        Binding("escape", "back", "Back", show=False),
        *(
            Binding(str(number), f"turn_to('{topic}')", show=False)
            for number, topic in enumerate(("log", "executions", "code", "schedule", "messages"), 1)
        ),
    ]

    def __init__(self, port: Port, workspace: str) -> None:
        super().__init__(port)
        self._workspace = workspace
        self._feed = Feed(SameLoop(port), self.state, self._state_changed, user=acting_user())
        self._painting: Timer | None = None
        self._painted = asyncio.Event()
        self._reading: tuple[str, Topic] | None = None  # what of which job is on its way
        self._notice = Text()
        self._lost = Text()  # why the engine is being sought, as the notice says it

    def compose(self) -> ComposeResult:
        yield HeadLine(self._workspace)
        with Container(id="body"):
            with Container(id="jobs-frame"):
                yield JobTable(self.state.now)
                yield Static(id="no-jobs")
            yield Detail()
        yield SearchBar()
        yield Static(id="notice")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(Footer).compact = True
        self.set_focus(self.query_one(JobTable))
        self.run_worker(self._feed.run(), group="feed")
        self.set_interval(1.0, self._tick)
        self.app.theme_changed_signal.subscribe(self, self._rethemed)
        self.paint_soon()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= SIDE_BY_SIDE, "-wide")
        self.set_class(event.size.height < 28, "-short")
        self.paint_soon()

    def _rethemed(self, _: object) -> None:
        self.query_one(JobTable).restyle()
        self.state.look(self.query_one(Detail).topic)
        self.paint_soon()

    # What workers tell

    def _state_changed(self) -> None:
        self.post_message(NewsArrived())

    def on_news_arrived(self, _: NewsArrived) -> None:
        self.paint_soon()

    def on_request_answered(self, message: RequestAnswered) -> None:
        self._show_notice(Text(clean(message.text), style(self.app, "good")), 4)

    def on_request_refused(self, message: RequestRefused) -> None:
        self._show_notice(Text(f"✗ {clean(message.text)}", style(self.app, "bad")), 12)

    def _show_notice(self, words: Text, seconds: float | None = None) -> None:
        notice = self.query_one("#notice", Static)
        notice.update(words)
        notice.display = True
        self._notice = words
        if seconds is not None:
            self.set_timer(seconds, lambda: self._hide_notice(words))

    def _hide_notice(self, words: Text) -> None:
        if self._notice is words:  # and no later notice stands there
            self.query_one("#notice", Static).display = False

    # Painting

    def paint_soon(self) -> None:
        if self._painting is None:
            self._painting = self.set_timer(FRAME, self._paint)

    def paint_now(self) -> None:
        if self._painting is not None:
            self._painting.stop()
            self._paint()

    def _paint(self) -> None:
        self._painting = None
        state = self.state
        changed = state.take()
        table, detail = self.query_one(JobTable), self.query_one(Detail)
        if changed.everything:
            self._reading = None
        if changed.everything or changed.jobs or changed.gone:
            table.show(state.visible(), None if changed.everything else changed.jobs)
            if state.select(table.selected):
                changed.topics |= state.take().topics
        if changed.engine or changed.jobs or changed.gone:
            self.query_one(HeadLine).show(state)
        detail.paint(state, changed)
        if state.selected is not None and detail.topic not in state.loaded:
            self._read_topic()
        self._show_trouble()
        self._paint_frames()
        self._painted.set()

    async def until(self, shown: Callable[[], bool]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(SHOWN):
                while not shown():
                    self._painted.clear()
                    await self._painted.wait()

    def _show_trouble(self) -> None:
        """Say why there is no engine for as long as there is none, and why it can write nothing."""
        why = f"◌ {clean(self.state.trouble)}" if self.state.trouble else ""
        if why != self._lost.plain:
            self._hide_notice(self._lost)
            self._lost = Text(why, style(self.app, "warn"))
            if why:
                self._show_notice(self._lost)

    def _paint_frames(self) -> None:
        state, detail = self.state, self.query_one(Detail)
        none = not state.jobs and state.engine is not None
        empty = self.query_one("#no-jobs", Static)
        if empty.display != none:
            empty.display, self.query_one(JobTable).display = none, not none
            empty.update(Text(NO_JOBS))
        detail.display = not none
        passing = state.passing()
        count = f"{passing} of {len(state.jobs)}" if state.filter else f"{len(state.jobs)}"
        more = f"the first {WINDOW:,} are shown: / narrows" if passing > WINDOW else ""
        narrowed = f"filter: {clean(state.filter)} · esc clears" if state.filter else ""
        hints = " · ".join(part for part in (narrowed, more) if part)
        self._title(self.query_one("#jobs-frame"), f"Jobs {count}", hints)
        following = detail.following() if state.selected else ""
        self._title(detail, detail.title(state.selected), following)

    def _title(self, frame: Widget, title: str, hints: str) -> None:
        """Write on a frame; a small terminal's has only the line above."""
        if self.has_class("-short"):
            hints = f" · {hints}" if hints else ""
            frame.border_title = escape(f" {clip(title + hints, self.size.width - 6)} ")
            frame.border_subtitle = ""
        else:
            frame.border_title = escape(clip(title, frame.size.width - 8))
            frame.border_subtitle = escape(hints)

    def _tick(self) -> None:
        self.query_one(HeadLine).show(self.state)
        self.query_one(JobTable).tick(self.state.jobs)
        self.query_one(Detail).tick(self.state)
        self._paint_frames()

    # Looking

    @on(DataTable.RowHighlighted, "#jobs")
    @on(JobTable.Refitted)
    def _pointed(self) -> None:
        if self.state.select(self.query_one(JobTable).selected):
            self.paint_soon()

    @on(DataTable.RowSelected, "#jobs")
    def _entered(self) -> None:
        self.query_one(Detail).focus_content()

    @on(TabbedContent.TabActivated)
    def _turned(self) -> None:
        self.state.look(self.query_one(Detail).topic)
        self.paint_soon()

    def _read_topic(self) -> None:
        job = self.state.selected
        topic = self.query_one(Detail).topic
        if job is not None and self._reading != (job.id, topic):
            self._reading = (job.id, topic)
            self._topic_read(topic)

    @work(group="topic", exclusive=True)
    async def _topic_read(self, topic: Topic) -> None:
        await asyncio.sleep(SETTLED)
        try:
            await self._feed.read(topic)
        except Exception as problem:  # noqa: BLE001 - whatever a connection does, a line says it
            self.post_message(RequestRefused(f"{topic}: {problem}"))
        else:
            self._reading = None

    def under_cursor(self) -> Job | None:
        # The table is asked, not what is painted below it: that follows a moment later.
        job = self.state.jobs.get(self.query_one(JobTable).selected or "")
        if job is not None and self.state.select(job.id):
            self.paint_soon()
        return job

    def chosen_execution(self, job: Job) -> Execution | None:
        detail = self.query_one(Detail)
        run = detail.executions.selected if detail.topic == "executions" else None
        # Those of the job before may stand there still.
        return run if run and run.job_id == job.id and not run.finished else None

    def shows(self, job: Job) -> bool:
        return self.query_one(JobTable).has(job.id)

    def job_made(self, job: Job) -> None:
        self.post_message(RequestAnswered(f"{job.name} was created."))
        self.go_to(job.id)
        if self.state.passes(job):
            self.run_worker(self.until(lambda: self.shows(job)), group="asking")

    def go_to(self, job_id: str) -> None:
        """Put the cursor on a job; one that is not there yet, as soon as it is."""
        self.query_one(JobTable).go(job_id)

    # Keys

    def action_turn_to(self, topic: Topic) -> None:
        detail = self.query_one(Detail)
        inside = detail.has_focus_within
        detail.topic = topic
        if inside:
            detail.focus_content()

    async def action_help(self) -> None:
        await self.app.push_screen(Help())
