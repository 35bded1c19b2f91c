"""One surface, two sides: what a notebook has and what job code has agree."""

from __future__ import annotations

import inspect

import pytest

from luajobs_kit import Data, Products, every
from luajobs_kit.api import env_and_http
from luajobs_kit.api.data import data, products, users
from luajobs_kit.api.jobs import job, jobs
from luajobs_kit.guest.api import data as guest_stores
from luajobs_kit.guest.api import env_http_tools as guest_reach
from luajobs_kit.guest.api import jobs as guest_jobs
from luajobs_kit.guest.api import users as guest_people

SIDES = [
    (job.JobInstance, guest_jobs.JobInstance),
    (jobs.Jobs, guest_jobs.Jobs),
    (users.User, guest_people.User),
    (users.UserInstance, guest_people.UserInstance),
    (data.Data, guest_stores.Data),
    (products.Products, guest_stores.Products),
    (env_and_http.Http, guest_reach.Http),
    (env_and_http.Response, guest_reach.Response),
]

ONLY_INSIDE = {
    "JobInstance.log": "writes the run's log, and there is no run outside",
    "JobInstance.execution": "is the run itself",
    "JobInstance.progress": "is said by the run; an execution shows it outside",
    "JobInstance.track": "as progress",
}
ONLY_OUTSIDE = {
    "JobInstance.when": "is words for a screen",
    "JobInstance.last_outcome": "is words for a screen",
    "JobInstance.cancel": "a run would end itself; what waits is cancelled by deactivate",
    "JobInstance.refresh": "a run sees a snapshot and its own updates",
    "JobInstance.push_version": "a function is captured where its author works",
    "JobInstance.publish": "as push_version",
    "JobInstance.diff": "as push_version",
    "User.add": "job code may not add users",
}
OTHER_PARAMETERS = {
    "Jobs.create": "inside, code comes as text and the engine checks the rest",
    "JobInstance.delete": "job code may not delete history (force)",
}


def public(kind: type) -> dict[str, object]:
    return {
        name: inspect.getattr_static(kind, name) for name in dir(kind) if not name.startswith("_")
    }


def parameters(member: object) -> list[tuple[str, object, object]] | None:
    if isinstance(member, staticmethod):
        member = member.__func__
    if not callable(member):
        return None  # a property
    return [
        (parameter.name, parameter.kind, parameter.default)
        for parameter in inspect.signature(member).parameters.values()
        if parameter.name != "self"
    ]


@pytest.mark.parametrize(("outside", "inside"), SIDES, ids=lambda kind: kind.__name__)
def test_names_and_signatures_agree(outside, inside):
    here, there = public(outside), public(inside)
    title = outside.__name__
    assert {f"{title}.{name}" for name in there.keys() - here.keys()} <= ONLY_INSIDE.keys()
    assert {f"{title}.{name}" for name in here.keys() - there.keys()} <= ONLY_OUTSIDE.keys()
    for name in here.keys() & there.keys():
        if f"{title}.{name}" not in OTHER_PARAMETERS:
            assert parameters(here[name]) == parameters(there[name]), f"{title}.{name}"


@pytest.mark.parametrize(("outside", "inside"), SIDES, ids=lambda kind: kind.__name__)
def test_what_is_awaited_outside_is_awaited_inside(outside, inside):
    here, there = public(outside), public(inside)
    for name in here.keys() & there.keys():
        awaited = [
            inspect.iscoroutinefunction(inspect.unwrap(getattr(side, name)))
            for side in (outside, inside)
        ]
        assert awaited[0] == awaited[1], name


def test_the_listed_differences_are_still_there():
    known = {
        f"{outside.__name__}.{name}"
        for outside, inside in SIDES
        for name in public(outside).keys() ^ public(inside).keys()
    }
    assert known == ONLY_INSIDE.keys() | ONLY_OUTSIDE.keys()


async def assign(job):
    entry = await Data.create("things", {"title": "a"})
    entry.title, entry["by"], entry.data["n"] = "b", "me", 1
    await entry.save()
    product = await Products.create({"name": "x", "price": 1})
    product.price, product["by"], product.data["n"] = 2, "me", 1
    await product.save()
    kept = await Data.get_entry("things", entry.id)
    sold = await Products.get_by_id(product.id)
    return [dict(kept.data), sold.price, sold["by"], sold.n, "title" in kept, "price" in sold]


async def test_fields_that_are_assigned_are_kept_on_both_sides(ws):
    job = await ws.jobs.create(name="assign", schedule=every(hours=1), execute=assign)
    run = await (await job.trigger()).wait()

    assert run.result == await assign(None)
    assert run.result == [{"title": "b", "by": "me", "n": 1}, 2, "me", 1, True, True]
