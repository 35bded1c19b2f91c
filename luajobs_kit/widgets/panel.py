"""``JobsPanel``: the workspace's jobs in a notebook cell, live."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any, Final

import ipywidgets as ipw

from luajobs_kit.acting_user import acting_user
from luajobs_kit.api.workspace import Workspace
from luajobs_kit.errors import InvalidInput
from luajobs_kit.live.change_set import Changed
from luajobs_kit.live.engine_link import EngineLink
from luajobs_kit.port import Port
from luajobs_kit.widgets.actions import Actions
from luajobs_kit.widgets.anywidgets import Inbox, JobTable, LiveView, LogView, RunList, StatusLine
from luajobs_kit.widgets.callbacks import Callbacks, in_words
from luajobs_kit.widgets.create_form import CreateForm
from luajobs_kit.widgets.panel_connections import ForeignLoop, OwnConnection
from luajobs_kit.widgets.panel_feed import PanelFeed
from luajobs_kit.widgets.static_html import picture

FIRST_LOOK: Final = 10.0  # seconds a cell waits for the engine, so that its first picture is whole


class LivePanel:
    """One feed and its widgets. There is one for a workspace and a user, however often shown."""

    def __init__(self, feed: PanelFeed, place: str) -> None:
        self.feed = feed
        self.place = place
        state = feed.state
        self.status = StatusLine(state, place)
        self.callbacks = Callbacks(feed, self.status)
        self.table = JobTable(state, self._select)
        self.form = CreateForm(self.callbacks)
        self.actions = Actions(self.callbacks, self.form.toggle)
        self.log = LogView(state)
        self.runs = RunList(state)
        self.inbox = Inbox(state)
        self.log.add_class("luajobs-wide")
        detail = ipw.Box([self.log, self.runs, self.inbox])
        detail.add_class("luajobs-detail")
        self.widget = ipw.VBox([self.status, self.table, self.actions, self.form, detail])
        self.widget.add_class("luajobs-panel")
        self._views: list[LiveView] = [self.status, self.table, self.log, self.runs, self.inbox]
        feed.listen(self._show)

    def _select(self, job_id: str) -> None:
        self.callbacks.act(partial(self.feed.select, job_id))

    def _show(self, changed: Changed) -> None:
        try:
            for view in self._views:
                view.show(changed)
            self.actions.show(changed)
        except Exception as problem:  # noqa: BLE001 - nobody else would hear of it, and the feed goes on
            self.callbacks.say(in_words(problem), "bad")

    def close(self) -> None:
        self.feed.close()
        for view in (*self._views, self.actions, self.form, self.widget):
            view.close()


_panels: dict[object, LivePanel] = {}


class JobsPanel:
    """The workspace's jobs, live: table, log, runs, messages, and a form that makes a job.

    Show it as a cell's last expression. Running the cell again, or showing it in another
    cell, attaches to the same live panel. ``workspace`` None is the current one; whoever
    acts when it is made (``acting_as``) acts with its buttons.

    It needs the extra ``notebook``. Raises ``WorkspaceError`` for a folder that cannot be used.
    """

    def __init__(self, workspace: Workspace | None = None) -> None:
        home = workspace or Workspace.current()
        engine, user = home.engine, acting_user()
        if engine is None:
            folder = home.path
            assert folder is not None
            self._key: object = (folder, user)
            self._live = _attach(self._key, OwnConnection(folder), user, _short(folder))
        else:
            self._key = (id(engine), user)
            place = _short(home.path) if home.path else "a workspace in memory"
            self._live = _attach(self._key, _in_this_loop(engine), user, place)
        self._waits = engine is None  # an engine in this loop cannot answer while it waits

    @property
    def widget(self) -> Any:
        """The ipywidget, to be put into a layout of one's own."""
        return self._live.widget

    @property
    def note(self) -> str:
        """What the panel says to its reader; errors of its buttons too."""
        return self._live.status.note

    def close(self) -> None:
        """End the live panel, wherever it is shown."""
        _panels.pop(self._key, None)
        self._live.close()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        live = self._live
        if self._waits:
            live.feed.wait_read(FIRST_LOOK)
        return {
            "text/plain": repr(self),
            "text/html": picture(live.feed.state, live.place),
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": live.widget.model_id,
            },
        }

    def __repr__(self) -> str:
        return f"<JobsPanel of {self._live.place}, {len(self._live.feed.state.jobs)} jobs>"


def _attach(key: object, connection: EngineLink, user: str | None, place: str) -> LivePanel:
    panel = _panels.get(key)
    if panel is None or not panel.feed.alive:
        feed = PanelFeed(connection, user=user)
        panel = _panels[key] = LivePanel(feed, place)
        feed.start()
    return panel


def _in_this_loop(engine: Port) -> EngineLink:
    try:
        return ForeignLoop(engine, asyncio.get_running_loop())
    except RuntimeError:
        raise InvalidInput(
            "This workspace runs its engine in an event loop: make its panel in that loop, "
            "in a cell or in an async function."
        ) from None


def _short(folder: Path) -> str:
    home = str(Path.home())
    shown = str(folder)
    return "~" + shown[len(home) :] if shown.startswith(home + "/") else shown
