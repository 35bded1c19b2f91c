"""``job`` and its kin inside a run: the calls they make, and the answers as job code sees them."""

from __future__ import annotations

from typing import Any

import pytest
from guest_run import CONTEXT, RecordingChannel, run_here

from luajobs_kit.errors import InvalidInput, NotAllowed, NotFound, ToolUnavailable

USER = {"id": "user_1", "data": {"plan": "pro"}, "profile": {"userId": "user_1", "fullName": "Ann"}}
ENTRY = {
    "id": "entry_1",
    "collection": "tickets",
    "data": {"status": "open", "title": "Broken"},
    "createdAt": "2026-01-02T03:04:05Z",
    "updatedAt": "2026-01-02T03:04:05Z",
    "score": 0.9,
}
PAGE = {"currentPage": 1, "totalPages": 1, "totalCount": 2, "limit": 100}
ANSWERS: dict[str, Any] = {
    "user.get": USER,
    "user.send": {"id": "msg_1", "content": []},
    "user.update": {"plan": "free", "n": 1},
    "user.replace": {"plan": "pro", "seen": True},
    "user.unset": {},
    "user.history": [{"id": "msg_1", "content": [], "createdAt": "2026-01-02T03:04:05Z"}],
    "data.search": [ENTRY],
    "data.get": {"data": [ENTRY], "pagination": PAGE},
    "data.update": ENTRY,
    "data.replace": ENTRY,
    "products.get": {"data": [{"id": "p1", "price": 2.5}, {"id": "p2"}], "pagination": PAGE},
    "job.update_metadata": {"n": 2},
    "job.trigger": {"id": "exec_2", "status": "pending", "createdAt": "2026-01-02T03:04:05Z"},
    "job.next_runs": ["2026-01-02T03:04:05+00:00"],
    "job.deactivate": {"id": "job_1", "name": "test", "active": False},
    "jobs.get_all": [{"id": "job_9", "name": "nine", "metadata": {}}],
    "jobs.deactivate": {"id": "job_9", "name": "nine", "active": False},
    "http.request": {"status": 200, "headers": {"Content-Type": "x"}, "body": '{"a": [1]}'},
    "tool.call": {"degreesNow": 21},
}


def run(body: str, *, answers: dict[str, Any] | None = None, **context: Any) -> Any:
    lines = "\n".join("    " + line for line in body.splitlines())
    channel = RecordingChannel({**ANSWERS, **(answers or {})})
    value = run_here(f"async def main(job):\n{lines}\n", context=context, channel=channel)
    return value, channel


def test_a_reminder_reaches_the_jobs_user() -> None:
    _, channel = run(
        "user = await job.user()\n"
        'await user.send([{"type": "text", "text": job.metadata["message"]}])',
        job={"id": "job_1", "name": "r", "metadata": {"message": "Meeting"}},
    )
    parts = [{"type": "text", "text": "Meeting"}]
    assert channel.calls == [
        ("user.get", {}),
        ("user.send", {"id": "user_1", "messages": parts}),
    ]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ('"hi"', [{"type": "text", "text": "hi"}]),
        ('{"type": "image", "imageUrl": "u"}', [{"type": "image", "imageUrl": "u"}]),
        (
            '["a", {"type": "text", "text": "b"}]',
            [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        ),
    ],
)
def test_a_message_may_be_text_a_part_or_parts(given: str, sent: list[Any]) -> None:
    _, channel = run(f"await (await job.user()).send({given})")
    assert channel.calls[-1][1]["messages"] == sent


def test_sending_what_is_no_message_says_what_to_send() -> None:
    with pytest.raises(InvalidInput, match=r"messages\[0\] is .* of type bytes.*base64"):
        run("await (await job.user()).send(b'x')")


def test_a_followup_looks_at_its_ticket_and_keeps_what_it_did() -> None:
    value, channel = run(
        'tickets = await Data.search("tickets", "t1", 1)\n'
        "t = tickets[0]\n"
        'await Data.update("tickets", t.id, {**t.data, "followupSent": True})\n'
        "return [t.status, t.created_at.year, t.createdAt.month, t['createdAt'], t.title, t.score]"
    )
    assert value == ["open", 2026, 1, "2026-01-02T03:04:05Z", "Broken", 0.9]
    assert channel.calls[1][1]["data"] == {**ENTRY["data"], "followupSent": True}


def test_products_are_a_page_that_is_iterated() -> None:
    value, channel = run(
        "ps = await Products.get(1, 100)\n"
        'return [len(ps), sum(p.get("price") or 0 for p in ps), ps[0].price, ps.pagination.total_count]'
    )
    assert value == [2, 2.5, 2.5, 2]
    assert channel.calls == [("products.get", {"page": 1, "limit": 100})]


def test_a_missing_attribute_of_an_answer_says_what_there_is() -> None:
    with pytest.raises(AttributeError, match=r"has no 'prize'; did you mean price\?"):
        run("return (await Products.get())[0].prize")


def test_a_page_of_data_answers_both_ways() -> None:
    value, _ = run(
        'page = await Data.get("tickets", {"status": "open"})\n'
        "return [len(page.data), [e.status for e in page], page.pagination.limit]"
    )
    assert value == [1, ["open"], 100]


def test_a_users_data_is_read_changed_and_saved() -> None:
    value, channel = run(
        "u = await User.get()\n"
        "before = u.plan\n"
        "u.seen = True\n"
        "await u.save()\n"
        'await u.update({"n": 1})\n'
        'await u.unset("n")\n'
        "return [before, u.profile.full_name, u.data]"
    )
    assert value == ["pro", "Ann", {}]
    assert channel.calls[1:] == [
        ("user.replace", {"id": "user_1", "data": {"plan": "pro", "seen": True}}),
        ("user.update", {"id": "user_1", "data": {"n": 1}}),
        ("user.unset", {"id": "user_1", "fields": ["n"]}),
    ]


def test_users_are_looked_up_by_id_mail_and_phone() -> None:
    _, channel = run(
        'await User.get("u2")\nawait User.get(email="a@b.co")\nawait User.get({"phone": "+49"})'
    )
    assert [arguments for _, arguments in channel.calls] == [
        {"id": "u2"},
        {"email": "a@b.co"},
        {"phone": "+49"},
    ]
    value, _ = run('return await User.get(email="x")', answers={"user.get": None})
    assert value is None


def test_a_job_without_a_user_says_what_to_use() -> None:
    with pytest.raises(NotAllowed, match=r"await User\.get\(job\.metadata"):
        run("await job.user()", predefined=True)


def test_metadata_shows_the_runs_own_updates() -> None:
    value, channel = run('await job.update_metadata({"n": 2})\nreturn job.metadata["n"]')
    assert value == 2
    assert channel.calls == [("job.update_metadata", {"data": {"n": 2}})]


def test_a_job_sees_its_version_execution_and_next_runs() -> None:
    value, _ = run(
        "s = job.active_version.schedule\n"
        'return [s["executeAt"], s.execute_at.hour, job.execution.attempt, '
        "(await job.next_runs(1))[0].minute, (await job.trigger()).status]",
        job={
            "id": "job_1",
            "name": "x",
            "activeVersion": {"schedule": {"type": "once", "executeAt": "2026-01-02T09:00:00Z"}},
        },
    )
    assert value == ["2026-01-02T09:00:00Z", 9, 1, 4, "pending"]


def test_a_job_stops_itself_and_others() -> None:
    _, channel = run(
        "await job.deactivate()\n"
        "for other in await Jobs.get_all(include_dynamic=True):\n"
        "    await other.deactivate()"
    )
    assert channel.calls == [
        ("job.deactivate", {}),
        ("jobs.get_all", {"includeDynamic": True}),
        ("jobs.deactivate", {"id": "job_9"}),
    ]


def test_creating_a_job_inside_needs_a_function_of_the_source_or_text() -> None:
    with pytest.raises(InvalidInput, match='source="async def execute'):
        run('await Jobs.create(name="x", schedule={})')
    with pytest.raises(InvalidInput, match="takes a function of the job's source, not type"):
        run('await Jobs.create(name="x", schedule={}, execute=int)')


def test_settings_are_given_by_name_and_the_error_lists_none() -> None:
    value, _ = run('return [env("CITY"), env("NOPE", "none")]')
    assert value == ["Berlin", "none"]
    with pytest.raises(NotFound) as caught:
        run('env("NOPE")')
    assert "API_KEY" not in str(caught.value)
    assert "NOPE" in str(caught.value)


def test_secrets_are_masked_in_every_line() -> None:
    _, channel = run(
        'print("key", env("API_KEY"), end=" ")\n'
        'print("and more")\n'
        'job.log.error("bad key", env("API_KEY"))\n'
        'job.log.warning("w"); job.log.debug("d"); job.log.info("i")\n'
        'print("half a line", end="")'
    )
    assert channel.lines == [
        ("info", "key ••• and more"),
        ("error", "bad key •••"),
        ("warn", "w"),
        ("debug", "d"),
        ("info", "i"),
        ("info", "half a line"),
    ]


def test_http_answers_have_status_headers_text_and_json() -> None:
    value, channel = run(
        'r = await http.post("https://a.org", json={"x": 1}, headers={"K": "v"})\n'
        'return [r.status, r.ok, r.headers["content-type"], r.text, r.json()["a"]]'
    )
    assert value == [200, True, "x", '{"a": [1]}', [1]]
    verb, arguments = channel.calls[0]
    assert verb == "http.request"
    assert arguments["method"] == "POST"
    assert arguments["body"] == '{"x": 1}'
    assert arguments["headers"] == {"K": "v", "Content-Type": "application/json"}


def test_a_tool_is_called_by_name_with_named_arguments() -> None:
    value, channel = run('return (await tools.weather(city="Rome")).degrees_now')
    assert value == 21
    assert channel.calls == [("tool.call", {"name": "weather", "arguments": {"city": "Rome"}})]
    with pytest.raises(TypeError, match="takes its arguments by name"):
        run('await tools.weather("Rome")')


def test_the_platforms_errors_are_caught_by_their_names() -> None:
    gone = {"code": "tool_unavailable", "message": "nobody offers weather", "details": {}}
    value, _ = run(
        "from luajobs_kit import ToolUnavailable\n"
        "try:\n    await tools.weather()\nexcept ToolUnavailable as e:\n    return str(e)",
        answers={"tool.call": gone},
    )
    assert value == "nobody offers weather"
    with pytest.raises(ToolUnavailable):
        run("await tools.weather()", answers={"tool.call": gone})


def test_gathered_calls_leave_at_once() -> None:
    source = (
        "import asyncio\n"
        "async def main(job):\n"
        "    try:\n"
        "        async with asyncio.timeout(0.01):\n"
        '            await asyncio.gather(tools.a(), tools.b(), http.get("http://u"))\n'
        "    except TimeoutError:\n"
        '        return "late"\n'
    )
    channel = RecordingChannel()
    channel.held = {"tool.call", "http.request"}
    assert run_here(source, channel=channel, context=CONTEXT) == "late"
    assert [verb for verb, _ in channel.calls] == ["tool.call", "tool.call", "http.request"]


def test_schedules_can_be_written_inside() -> None:
    value, _ = run(
        "from luajobs_kit import once, every, cron\n"
        'return [once(minutes=10), every(hours=1), cron("0 8 * * 1", "Europe/Berlin")]',
        clock={"now": "2026-01-01T00:00:00+00:00", "seed": 1},
    )
    assert value == [
        {"type": "once", "executeAt": "2026-01-01T00:10:00Z", "after": 600.0}
        | {"timezone": value[0]["timezone"]},
        {"type": "interval", "seconds": 3600.0, "start": None},
        {"type": "cron", "expression": "0 8 * * 1", "timezone": "Europe/Berlin"},
    ]


def test_entries_and_products_are_changed_in_place() -> None:
    value, channel = run(
        'entry = (await Data.search("tickets", "t"))[0]\n'
        'await entry.update({"n": 1})\n'
        'entry.data["m"] = 2\n'
        "await entry.save()\n"
        "await entry.delete()\n"
        "product = (await Products.get())[0]\n"
        'await product.update({"price": 3})\n'
        "await product.delete()\n"
        'return [product.price, entry.get("status"), entry.get("nothing", 0)]',
        answers={"products.update": {"id": "p1", "price": 3}},
    )
    assert value == [3, "open", 0]
    where = {"collection": "tickets", "id": "entry_1"}
    assert channel.calls[1:] == [
        ("data.update", {**where, "data": {"n": 1}}),
        ("data.replace", {**where, "data": {**ENTRY["data"], "m": 2}}),
        ("data.delete", where),
        ("products.get", {"page": 1, "limit": 10}),
        ("products.update", {"id": "p1", "product": {"price": 3}}),
        ("products.delete", {"id": "p1"}),
    ]
