"""Log lines: numbered, found, followed and searched."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luajobs_kit.errors import InvalidInput, WorkspaceError
from luajobs_kit.model import Execution, LogLine, LogQuery, LogSource
from luajobs_kit.store.database import schema
from luajobs_kit.store.history import log_rows
from luajobs_kit.store.history.history import History
from luajobs_kit.store.history.logs import MOST_WAITING

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def line(message: str = "hello", *, seconds: float = 0, level: str = "info", **source) -> LogLine:
    return LogLine(
        timestamp=NOON + timedelta(seconds=seconds),
        sub_type=level,
        message=message,
        metadata=LogSource(**{"primitive_id": "job_1", "primitive_name": "reminder", **source}),
    )


@pytest.fixture(params=["memory", "disk", "without FTS5"])
async def history(request, tmp_path, monkeypatch):
    if request.param == "without FTS5":
        monkeypatch.setattr(schema, "has_fts5", lambda: False)
    opened = await History.open(None if request.param == "memory" else tmp_path / "history.db")
    yield opened
    await opened.aclose()


async def messages(history: History, **query) -> list[str]:
    return [each.message for each in (await history.logs(LogQuery(**query))).logs]


async def test_a_line_comes_back_with_its_number_and_every_field(history):
    written = history.write_log(
        LogLine(
            timestamp=NOON + timedelta(microseconds=1),
            sub_type="warn",
            message="käse \n two",
            duration=1.5,
            metadata=LogSource(
                log_source="skill",
                primitive_id="job_9",
                primitive_name="n",
                tool_name="t",
                channel="c",
                user_id="u",
                execution_id="e",
                attempt=2,
            ),
        )
    )
    assert written.seq == 1
    assert (await history.logs(LogQuery())).logs == [written]


async def test_lines_come_newest_first_in_pages(history):
    for number in range(5):
        history.write_log(line(str(number)))
    page = await history.logs(LogQuery(limit=2, page=2))
    assert [each.message for each in page.logs] == ["2", "1"]
    shown = page.pagination
    assert (shown.current_page, shown.total_pages, shown.total_count) == (2, 3, 5)
    assert (shown.next_page, shown.prev_page) == (3, 1)


async def test_lines_are_found_by_what_they_belong_to(history):
    history.write_log(line("a", execution_id="e1", user_id="u1"))
    history.write_log(line("b", execution_id="e2", level="error", seconds=10))
    history.write_log(line("c", primitive_id="job_2", primitive_name="other", level="debug"))
    history.write_log(line("d", log_source="skill", primitive_id=None, tool_name="t", level="warn"))
    assert await messages(history, job_id="job_1") == ["b", "a"]
    assert await messages(history, name="other") == ["c"]
    assert await messages(history, execution_id="e1", job_id="job_1") == ["a"]
    assert await messages(history, user_id="u1") == ["a"]
    assert await messages(history, source="job") == ["c", "b", "a"]
    assert await messages(history, source="all") == ["d", "c", "b", "a"]
    assert await messages(history, tool_name="t") == ["d"]
    assert await messages(history, since=NOON + timedelta(seconds=5)) == ["b"]
    assert await messages(history, level="debug") == ["d", "c", "b", "a"]
    assert await messages(history, level="info") == ["d", "b", "a"]
    assert await messages(history, level="warn") == ["d", "b"]
    assert await messages(history, level="error", job_id="job_1") == ["b"]


queries = st.fixed_dictionaries(
    {},
    optional={
        "job_id": st.sampled_from(["job_0", "job_1"]),
        "name": st.sampled_from(["n0", "n1"]),
        "source": st.sampled_from(["job", "skill", "all"]),
        "level": st.sampled_from(log_rows.LEVELS),
        "user_id": st.sampled_from(["u0", "u1"]),
        "after": st.integers(0, 40),
        "grep": st.sampled_from(["red", "blue red", "Red fish", "fish-red", "!"]),
        "limit": st.integers(1, 15),
        "page": st.integers(1, 3),
    },
)


@pytest.fixture
async def varied(history):
    kept = [
        history.write_log(
            line(
                f"{'red' if n % 2 else 'blue'} fish {'red !' if n % 5 == 0 else ''}",
                level=log_rows.LEVELS[n % 4],
                log_source="skill" if n % 7 == 0 else "job",
                primitive_id=f"job_{n % 3}",
                primitive_name=f"n{n % 2}",
                user_id=f"u{n % 5}",
            )
        )
        for n in range(40)
    ]
    return history, kept


@settings(suppress_health_check=list(HealthCheck))
@given(query=queries)
async def test_any_query_gives_the_lines_and_total_a_plain_loop_gives(query, varied):
    history, kept = varied

    def fits(each: LogLine) -> bool:
        source = each.metadata
        words = query.get("grep", "").lower().split()
        return (
            query.get("job_id", source.primitive_id) == source.primitive_id
            and query.get("name", source.primitive_name) == source.primitive_name
            and query.get("source", "all") in ("all", source.log_source)
            and log_rows.LEVELS.index(each.sub_type)
            >= log_rows.LEVELS.index(query.get("level", "debug"))
            and query.get("user_id", source.user_id) == source.user_id
            and each.seq > query.get("after", 0)
            and all(word.replace("-", " ") in each.message for word in words)
        )

    if "-" in query.get("grep", "") and not history._database.full_text:
        return  # a plain scan looks for the word as it stands
    expected = [each for each in kept if fits(each)]
    if "after" not in query:
        expected.reverse()
    limit, page = query.get("limit", 20), query.get("page", 1)
    found = await history.logs(LogQuery(**query))
    assert found.logs == expected[(page - 1) * limit : page * limit]
    if "after" in query:
        assert found.pagination.has_next_page == (page * limit < len(expected))
    else:
        assert found.pagination.total_count == len(expected)


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "'",
        "a OR b",
        "NEAR(",
        "*",
        "message:x",
        "^",
        "-",
        "a\x00b",
        "\ud800",
        "{}[]()",
        "%_",
        "ß",
    ],
)
async def test_any_text_is_a_search(history, text):
    history.write_log(line(f"before {text} after"))
    history.write_log(line("nothing of the kind"))
    if "\x00" not in text:
        assert len(await messages(history, grep=text)) == 1
    else:
        await messages(history, grep=text)


async def test_all_words_must_occur_in_any_order(history):
    for text in ("Payment of T-1001 failed", "payment done", "failed: T-1002"):
        history.write_log(line(text))
    assert await messages(history, grep="failed payment") == ["Payment of T-1001 failed"]
    assert await messages(history, grep="T-1001") == ["Payment of T-1001 failed"]
    assert await messages(history, grep="   ") == await messages(history)


async def test_context_shows_the_lines_of_the_same_run_around_a_hit(history):
    for number in range(6):
        for run in ("e1", "e2"):
            history.write_log(
                line(f"{run} {'needle' if number == 3 else number}", execution_id=run)
            )
    found = await messages(history, grep="e1 needle", context=1)
    assert found == ["e1 4", "e1 needle", "e1 2"]
    page = await history.logs(LogQuery(grep="needle", context=9, limit=1))
    assert len(page.logs) == 6
    assert page.pagination.total_count == 2
    assert [each.message for each in page.logs][-1] == "e2 0"


async def test_page_bounds_are_checked(history):
    for wrong in ({"limit": 0}, {"page": 0}, {"context": -1}):
        with pytest.raises(InvalidInput, match="1 or more"):
            await history.logs(LogQuery(**wrong))


async def test_a_line_that_no_encoding_can_hold_is_kept_with_a_question_mark(history):
    history.write_log(line("half \ud83d pair", user_id="\ud800"))
    assert await messages(history) == ["half ? pair"]


async def test_following_while_others_write_gives_every_line_once(history):
    total = 3000
    seen: list[int] = []

    async def follow() -> None:
        while len(seen) < total:
            page = await history.logs(LogQuery(after=seen[-1] if seen else 0, limit=97))
            seen.extend(each.seq for each in page.logs)
            await asyncio.sleep(0)

    async def write(writer: int) -> None:
        for number in range(total // 3):
            history.write_log(line(f"{writer} {number}"))
            if number % 10 == 0:
                await history.record(
                    execution(number)
                ) if number % 50 == 0 else await asyncio.sleep(0)

    await asyncio.wait_for(asyncio.gather(follow(), write(1), write(2), write(3)), 60)
    assert seen == list(range(1, total + 1))


def execution(number: int) -> Execution:
    return Execution(
        id=f"exec_{number}",
        job_id="job_1",
        job_name="reminder",
        version_id="v",
        version="1.0.0",
        cause="manual",
        created_at=NOON,
        status="completed",
    )


async def test_another_connection_reads_a_line_without_anybody_asking_to_write_it(tmp_path):
    history = await History.open(tmp_path / "history.db")
    other = await History.open(tmp_path / "history.db")
    history.write_log(line("soon"))

    async def arrives() -> None:
        while not (await other.logs(LogQuery())).logs:  # noqa: ASYNC110  what another process does
            await asyncio.sleep(0.002)

    await asyncio.wait_for(arrives(), 5)
    await other.aclose()
    await history.aclose()


async def test_numbers_are_never_given_twice_not_even_after_trimming_all(tmp_path):
    path = tmp_path / "history.db"
    history = await History.open(path)
    last = [history.write_log(line()) for _ in range(10)][-1].seq
    await history.logs(LogQuery())
    await history.trim(now=NOON, max_bytes=0)
    assert await messages(history) == []
    await history.aclose()
    history = await History.open(path)
    assert history.write_log(line("next")).seq > last
    assert await messages(history, after=last) == ["next"]
    await history.aclose()


async def test_a_number_that_was_shown_is_not_given_again_after_a_life_that_kept_no_line(tmp_path):
    path = tmp_path / "history.db"
    for life in range(3):
        history = await History.open(path)
        await history.aclose()  # or it was killed: no line it showed is there
        shown = set(range(life * MOST_WAITING + 1, (life + 1) * MOST_WAITING + 1))
    history = await History.open(path)
    assert history.write_log(line()).seq not in shown
    await history.aclose()


async def test_lines_written_before_closing_are_kept(tmp_path):
    path = tmp_path / "history.db"
    history = await History.open(path)
    for number in range(2500):
        history.write_log(line(str(number)))
    await history.aclose()
    with pytest.raises(WorkspaceError, match="closed"):
        history.write_log(line())
    history = await History.open(path)
    assert (await history.logs(LogQuery())).pagination.total_count == 2500
    await history.aclose()


async def test_a_recorded_outcome_is_committed_with_its_lines(tmp_path):
    path = tmp_path / "history.db"
    history = await History.open(path)
    history.write_log(line("the last words", execution_id="exec_1"))
    await history.record(execution(1))
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT message FROM logs").fetchall() == [("the last words",)]
    other.close()
    await history.aclose()


async def test_a_life_without_fts5_leaves_a_search_that_finds_everything_after_it(
    tmp_path, monkeypatch
):
    path = tmp_path / "history.db"
    history = await History.open(path)
    history.write_log(line("first needle"))
    await history.aclose()
    with monkeypatch.context() as without:
        without.setattr(schema, "has_fts5", lambda: False)
        history = await History.open(path)
        history.write_log(line("second needle"))
        assert await messages(history, grep="needle") == ["second needle", "first needle"]
        await history.aclose()
    history = await History.open(path)
    assert await messages(history, grep="needle") == ["second needle", "first needle"]
    await history.aclose()
