"""The list of what costs: every request that a run may make, and what answering it takes.

A request that is not listed here is not answered. How many of a kind may be under way follows from
its cost (``requests.py``); ``benchmarks/requests_beside_fires.py`` asks for each of them with
the worst arguments there are.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class Cost(Enum):
    """What answering a request takes."""

    LOOK = auto()  # memory, or a small read
    LONG_LOOK = auto()
    """It may read all there is, or have a large answer. A run has one at a time: the next begins when
    the answer before is written. Only one of all runs together is worked on at a time."""
    CHANGE = auto()
    """A commit, synced to the disk. Those with large arguments are made one at a time."""
    OUTSIDE = auto()  # an answer from outside the engine
    OWNERS = auto()  # nothing: it is refused in words, for only the workspace's owner may ask it


COSTS: Final = {
    "clock.sleep": Cost.LOOK,  # in virtual time only
    "schedule.once": Cost.LOOK,
    "schedule.every": Cost.LOOK,
    "schedule.cron": Cost.LOOK,
    "job.next_runs": Cost.LOOK,
    "job.executions": Cost.LONG_LOOK,
    "job.logs": Cost.LONG_LOOK,
    "job.versions": Cost.LONG_LOOK,
    "job.progress": Cost.CHANGE,
    "job.update_metadata": Cost.CHANGE,
    "job.trigger": Cost.CHANGE,
    "job.activate": Cost.CHANGE,
    "job.deactivate": Cost.CHANGE,
    "job.delete": Cost.CHANGE,
    "jobs.get": Cost.LONG_LOOK,
    "jobs.get_all": Cost.LONG_LOOK,
    "jobs.create": Cost.CHANGE,
    "jobs.trigger": Cost.CHANGE,
    "jobs.activate": Cost.CHANGE,
    "jobs.deactivate": Cost.CHANGE,
    "user.get": Cost.LOOK,
    "user.list": Cost.LONG_LOOK,
    "user.history": Cost.LONG_LOOK,
    "user.send": Cost.CHANGE,
    "user.update": Cost.CHANGE,
    "user.patch": Cost.CHANGE,
    "user.replace": Cost.CHANGE,
    "user.unset": Cost.CHANGE,
    "user.clear": Cost.CHANGE,
    "user.add": Cost.OWNERS,
    "user.inbox": Cost.OWNERS,
    "data.collections": Cost.LONG_LOOK,
    "data.get": Cost.LONG_LOOK,
    "data.get_entry": Cost.LONG_LOOK,
    "data.search": Cost.LONG_LOOK,
    "data.create": Cost.CHANGE,
    "data.update": Cost.CHANGE,
    "data.patch": Cost.CHANGE,
    "data.replace": Cost.CHANGE,
    "data.delete": Cost.CHANGE,
    "products.get": Cost.LONG_LOOK,
    "products.get_by_id": Cost.LONG_LOOK,
    "products.search": Cost.LONG_LOOK,
    "products.create": Cost.CHANGE,
    "products.update": Cost.CHANGE,
    "products.replace": Cost.CHANGE,
    "products.delete": Cost.CHANGE,
    "http.request": Cost.OUTSIDE,
    "tool.call": Cost.OUTSIDE,
}
LONG_LOOKS: Final = frozenset(verb for verb, cost in COSTS.items() if cost is Cost.LONG_LOOK)
