"""The engine's loop is everybody's: what runs ask for is served a step at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Self

import pytest

from luajobs_kit.engine.jobs import lookup
from luajobs_kit.engine.requests import requests
from luajobs_kit.engine.requests.loop_turns import Turns
from luajobs_kit.errors import InvalidInput
from luajobs_kit.model import CronSchedule
from luajobs_kit.platform import size_limits
from luajobs_kit.platform.json_pieces import pieces


class Passes:
    """Counts how often the loop comes round to a task of nobody's."""

    def __init__(self) -> None:
        self.count = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._go())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _go(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0)


@pytest.fixture
async def asked(engine, spec):
    """The requests of a run of a job with 250 kB of metadata, which is over by now."""
    job = await engine.create_job(spec(metadata={"text": "x" * 250_000}))
    run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    of_runs = engine._core.requests
    return lambda: requests.RunRequests(of_runs, run, job.active_version)


async def test_one_step_of_one_request_is_made_in_a_pass_of_the_loop():
    turns, steps = Turns(), []

    async def request(name: str) -> None:
        for _ in range(3):
            steps.append((name, passes.count))
            await asyncio.sleep(0)

    async with Passes() as passes:
        await asyncio.gather(*(turns.served(n % 4, request(f"{n}")) for n in range(40)))
    made_in = [at for _, at in steps]
    assert len(steps) == 120
    assert len(set(made_in)) == 120


async def test_runs_take_turns_however_many_requests_each_has():
    turns, order = Turns(), []

    async def request(run: str) -> None:
        order.append(run)

    many = [turns.served("greedy", request("greedy")) for _ in range(64)]
    await asyncio.gather(*many, turns.served("modest", request("modest")))
    assert order.index("modest") <= 2


async def test_a_request_that_is_given_up_is_told_so_and_holds_up_nobody():
    turns, told = Turns(), []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    async def answers() -> str:
        await asyncio.sleep(0)
        return "answered"

    async def fails() -> None:
        await asyncio.sleep(0)
        raise InvalidInput("refused")

    given_up = [asyncio.ensure_future(_await(turns.served(n, waits()))) for n in range(5)]
    for _ in range(3):
        await asyncio.sleep(0)
    for each in given_up:
        each.cancel()
    assert await turns.served("other", answers()) == "answered"
    with pytest.raises(InvalidInput, match="refused"):
        await turns.served("other", fails())
    await asyncio.gather(*given_up, return_exceptions=True)
    assert all(each.cancelled() for each in given_up)
    assert told == ["cancelled"] * len(told)


async def _await(awaitable):
    return await awaitable


async def test_a_timeout_inside_a_request_ends_it_as_anywhere():
    async def slow() -> str:
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            return "timed out"

    assert await Turns().served("run", slow()) == "timed out"


@pytest.mark.parametrize(
    "value",
    [
        {"n": ["x" * 9] * 50_000, "t": "ü" * 400_000, "deep": [[{"a": [None, True, 1.5]}] * 9_000]},
        [[]] * 30_000,
        {str(n): {"k": [n]} for n in range(20_000)},
        {"a": {}},
        [],
        "x" * 1_000_000,
        None,
    ],
)
def test_json_in_pieces_is_the_same_json_and_no_piece_is_long(value):
    parts = list(pieces(value))
    assert json.loads("".join(parts)) == value
    assert isinstance(value, str) or max(map(len, parts)) <= 1_000_000


async def test_the_loop_has_its_turn_while_large_jobs_are_listed_for_a_run(engine, spec, asked):
    for n in range(4):
        await engine.create_job(spec(name=f"large {n}", metadata={"text": "x" * 250_000}))
    async with Passes() as passes:
        before = passes.count
        answer = await asked().serve("jobs.get_all", {"includeDynamic": True})
        assert passes.count - before >= 10  # two for each job
    assert len(json.loads(answer.text)) == 5


async def test_a_run_lists_as_many_large_jobs_as_fit_and_is_told_how_to_get_the_others(
    engine, spec, asked, monkeypatch
):
    monkeypatch.setattr(size_limits, "MOST_ANSWERED", 1_200_000)  # of some 500 kB each
    for n in range(4):
        await engine.create_job(spec(name=f"large {n}", metadata={"text": "x" * 250_000}))
    run = asked()
    with pytest.raises(InvalidInput, match=r"get_all\(include_dynamic=True, limit=2, page=1\)"):
        await run.serve("jobs.get_all", {"includeDynamic": True})
    names = []
    for page in (1, 2, 3, 4):
        asks = {"includeDynamic": True, "limit": 2, "page": page}
        names += [job["name"] for job in json.loads((await run.serve("jobs.get_all", asks)).text)]
    assert names == ["job", "large 0", "large 1", "large 2", "large 3"]


async def test_a_run_pages_through_its_large_versions(engine, spec, asked, monkeypatch):
    monkeypatch.setattr(size_limits, "MOST_ANSWERED", 600_000)
    for n in range(3):
        await engine.create_job(spec(f"return {n}", metadata={"text": "x" * 250_000}))
    run = asked()
    with pytest.raises(InvalidInput, match=r"job\.versions\(limit=2, page=1\)"):
        await run.serve("job.versions", {})
    numbers = []
    for page in (1, 2):
        found = json.loads((await run.serve("job.versions", {"limit": 2, "page": page})).text)
        numbers += [version["version"] for version in found]
    assert numbers == ["1.0.0", "1.0.1", "1.0.2", "1.0.3"]


async def test_job_code_pages_through_jobs(engine, spec):
    for n in range(3):
        await engine.create_job(spec(name=f"job {n}"))
    body = """
        found = []
        for page in (1, 2):
            found += [each.name for each in await Jobs.get_all(include_dynamic=True, limit=3, page=page)]
        return found, len(await job.versions()), len(await job.versions(limit=1, page=2))
        """
    job = await engine.create_job(spec(body, name="asks"))
    run = await engine.wait_execution((await engine.trigger_job(job.id)).id)
    assert run.result == [["job 0", "job 1", "job 2", "asks"], 1, 0], run.error


@pytest.mark.parametrize("page", [{"limit": 0}, {"page": 0}, {"limit": "9"}, {"page": 10**30}])
async def test_a_page_that_is_none_is_refused(asked, page):
    for verb in ("jobs.get_all", "job.versions"):
        with pytest.raises(InvalidInput, match=r"is outside 1 to|whole number"):
            await asked().serve(verb, page)


async def test_other_jobs_come_without_the_versions_that_do_not_run(engine, spec, asked):
    for n in range(3):
        other = await engine.create_job(spec(f"return {n}", name="other"))
    found = await asked().answer("jobs.get", {"id": other.id})
    assert found["versions"] == []
    assert found["activeVersion"]["version"] == "1.0.2"


async def test_large_answers_are_made_one_at_a_time_for_all_runs_together(
    engine, asked, monkeypatch
):
    under_way, most = 0, 0

    async def counted(*_, **__):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(5):
            await asyncio.sleep(0)
        under_way -= 1
        return []

    monkeypatch.setattr(engine._core.platform, "call", counted)
    runs = [asked() for _ in range(3)]
    for verb, arguments in (
        ("user.list", {}),
        ("data.get", {"collection": "c"}),
        ("data.create", {"collection": "c", "data": {"text": "x" * 200_000}}),
    ):
        most = 0
        await asyncio.gather(*(run.serve(verb, arguments) for run in runs for _ in range(8)))
        assert most == 1, verb
    most = 0
    small = {"collection": "c", "data": {"text": "x"}}
    await asyncio.gather(*(run.serve("data.create", small) for run in runs for _ in range(8)))
    assert most > 1


async def test_a_run_waits_for_few_answers_from_elsewhere_at_a_time(engine, asked, monkeypatch):
    waiting, most, go_on = 0, 0, asyncio.Event()

    async def counted(*_, **__):
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        await go_on.wait()
        waiting -= 1

    monkeypatch.setattr(engine._core.platform, "call", counted)
    run = asked()
    calls = [asyncio.ensure_future(_await(run.serve("http.request", {}))) for _ in range(64)]
    for _ in range(500):
        await asyncio.sleep(0)
    assert waiting == requests.MOST_OUTSIDE
    go_on.set()
    await asyncio.gather(*calls)
    assert most == requests.MOST_OUTSIDE


async def test_an_answer_too_large_for_a_run_is_refused_before_all_of_it_is_written(monkeypatch):
    monkeypatch.setattr(requests, "MAX_REPLY", 1_000_000)
    written = []

    def counted(value):
        for piece in pieces(value):
            written.append(piece)
            yield piece

    monkeypatch.setattr(requests, "pieces", counted)
    with pytest.raises(InvalidInput, match=r"data\.get answers more than 1000000 bytes"):
        await requests._encoded("data.get", [["x" * 9] * 50_000] * 20)
    assert sum(map(len, written)) < 1_500_000


async def test_the_loop_has_its_turn_between_the_fires_of_a_rare_schedule(engine, spec):
    rare = CronSchedule(expression="3 3 29 2 *", timezone="America/New_York")
    job = await engine.create_job(spec(schedule=rare))
    for ask in (engine.next_runs(job.id, 50), engine.preview(rare, 50)):
        async with Passes() as passes:
            before = passes.count
            assert len(await ask) == 50
            assert passes.count - before >= 50


async def test_the_loop_has_its_turn_while_many_jobs_are_listed(engine, spec, monkeypatch):
    monkeypatch.setattr(lookup, "SHOWN_AT_ONCE", 2)
    for n in range(10):
        await engine.create_job(spec(name=f"job {n}"))
    async with Passes() as passes:
        before = passes.count
        found = await engine.list_jobs(include_dynamic=True)
        assert passes.count - before >= 5
    assert [job.name for job in found] == [f"job {n}" for n in range(10)]


async def test_a_job_deleted_while_others_are_listed_is_left_out(engine, spec, monkeypatch):
    monkeypatch.setattr(lookup, "SHOWN_AT_ONCE", 1)
    made = [await engine.create_job(spec(name=f"job {n}")) for n in range(4)]
    listing = asyncio.create_task(engine.list_jobs(include_dynamic=True))
    await asyncio.sleep(0)
    await engine.delete_job(made[-1].id)
    assert [job.name for job in await listing][:3] == ["job 0", "job 1", "job 2"]
