"""Commands of the palette: every key's command by name, and every job."""

from __future__ import annotations

from functools import partial
from typing import Final

from textual.command import DiscoveryHit, Hit, Hits, Provider

from luajobs_tui.screens.monitor import Monitor

COMMANDS: Final = (
    ("Run the job now", "run", "r · whatever its schedule says"),
    ("Activate the job", "activate", "a · let it run on schedule"),
    ("Deactivate the job", "deactivate", "d · keep it from running on schedule"),
    ("Delete the job", "delete", "x · asks first; history stays"),
    ("Cancel the execution", "cancel", "c · end the one that runs, or drop the waiting one"),
    ("Create a job", "create", "n · a form with a working template"),
    ("Show the log", "turn_to('log')", "1"),
    ("Show the executions", "turn_to('executions')", "2"),
    ("Show the code", "turn_to('code')", "3"),
    ("Show the schedule and metadata", "turn_to('schedule')", "4"),
    ("Show the messages", "turn_to('messages')", "5"),
)


class JobCommands(Provider):
    """Commands on the selected job, and ways to another."""

    async def discover(self) -> Hits:
        if isinstance(self.screen, Monitor):
            for title, action, says in COMMANDS:
                run = partial(self.screen.run_action, action)
                yield DiscoveryHit(title, run, help=says)

    async def search(self, query: str) -> Hits:
        screen = self.screen
        if not isinstance(screen, Monitor):
            return
        matcher = self.matcher(query)
        for title, action, says in COMMANDS:
            if (score := matcher.match(title)) > 0:
                run = partial(screen.run_action, action)
                yield Hit(score, matcher.highlight(title), run, help=says)
        for job in screen.state.visible():
            title = f"Go to {job.name}"
            if (score := matcher.match(title)) > 0:
                go = partial(screen.go_to, job.id)
                yield Hit(score, matcher.highlight(title), go, help=job.user_id or "pre-defined")
