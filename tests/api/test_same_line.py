"""One line, one meaning: the surface called by a notebook and by a job, with good and bad arguments.

Each line of the table is run on both sides of a workspace of its own. What it gives, or the error
that it raises, must be the same. A value that a test knows is compared with what is right, too.
"""

from __future__ import annotations

import json
import re
from typing import Any

import luajobs_kit
from luajobs_kit import Workspace, every

NAMES = ("Jobs", "User", "Data", "Products", "env", "http", "tools")

LINES = """
every(minute=5)
every(minutes=0)
every(minutes="5")
every(minutes=5)["seconds"]
every(minutes=5).seconds
every(minutes=5).type
every(weeks=2)
every(hours=1, start="2030-01-01T00:15:00Z")["start"]
every(5)["seconds"]
every()
every(seconds=True)
every(seconds=0.5)
every(seconds=-1)
every(days=40000)
every(seconds=float("nan"))
cron("61 * * * *")
cron("0 8 * * 1").expression
cron("0 8 * * 1", timezone="Mars/Base")
cron("0 8 * * 1", timezone="Europe/Berlin")["timezone"]
cron("0 8 * * 1", tz="Europe/Berlin")
cron(5)
cron()
once(at="tomorrow")
once(at="2030-02-01T00:00:00Z").execute_at
once(at=datetime(2030, 2, 1, tzinfo=UTC))["executeAt"]
once(at=5)
once(minutes=-5)
once()
once(month=1)
await Data.create("a", {"s": {1, 2}})
await Data.create("a", {1: "x"})
await Data.create("a", {"b": b"x"})
await Data.create("a", {"n": float("nan")})
await Data.create("a", [1])
await Data.create("a", "text")
await Data.create("a", None)
await Data.create("a")
await Data.create("", {"a": 1})
await Data.create(5, {"a": 1})
(await Data.create("a", {"t": (1, 2)}))["data"]
(await Data.create("a", {"x": 1}, search_text=5))
(await Data.create("a", {"x": 1}, searchText="q")).search_text
(await Data.create("a", {"x": 1}, {"searchText": "q"})).search_text
(await Data.create("a", {"x": 1})).createdAt
(await Data.create("a", {"x": 1})).created_at
(await Data.create("a", {"x": 1}))["createdAt"]
sorted(dict(await Data.create("a", {"x": 1})))
sorted(await Data.create("a", {"x": 1}))
len(await Data.create("a", {"x": 1}))
"x" in await Data.create("a", {"x": 1})
"id" in await Data.create("a", {"x": 1})
(await Data.create("a", {"x": 1})).get("x")
(await Data.create("a", {"x": 1})).get("nope", 7)
(await Data.create("a", {"x": 1}))["nope"]
(await Data.create("a", {"x": 1})).nope
(await Data.create("a", {"x": 1})).score
(await Data.create("a", {"x": 1})).search_text
(await Data.create("a", {"x": 1})).searchText
(await Data.create("a", {"x": {"y": 1}})).x.y
(await Data.create("a", {"x": {"y": 1}})).data.x.y
(await Data.create("a", {"x": 1})).collection
{**(await Data.create("a", {"x": 1})).data, "y": 2}
(await Data.get("nothing")).data
(await Data.get("nothing")).pagination.total_count
(await Data.get("nothing")).pagination.totalCount
(await Data.get("nothing")).pagination["totalCount"]
(await Data.get("nothing")).pagination.next_page
len(await Data.get("nothing"))
await Data.get("nothing", limit=0)
await Data.get("nothing", limit="x")
await Data.get("nothing", page=0)
await Data.get("nothing", {"$bad": 1})
await Data.get("nothing", {"a": {"$regex": 1}})
await Data.get("nothing", {"a": {1, 2}})
await Data.get("nothing", [1])
await Data.get("nothing", fitler={})
await Data.get_entry("nothing", "x")
await Data.get_entry("nothing", 5)
await Data.update("nothing", "x", {"a": 1})
await Data.update("nothing", "x", [1])
await Data.patch("nothing", "x", {"a": 1})
await Data.delete("nothing", "x")
await Data.search("nothing", "x")
await Data.search("nothing", "x", limit=0)
await Data.search("nothing", 5)
await Data.search("nothing", "x", score_threshold=5)
await Data.collections()
await (await Data.create("a", {"x": 1})).update([1])
(await (await Data.create("a", {"x": 1})).update({"y": 2})).data
await (await Data.create("a", {"x": 1})).update({"y": {1}})
await (await Data.create("a", {"x": 1})).update(y=2)
await (await Data.create("a", {"x": 1})).save("text", 5)
await (await Data.create("a", {"x": 1})).delete()
sorted(dict(await Products.create({"name": "x", "price": 1})))
(await Products.create({"name": "x"})).name
(await Products.create({"name": "x"})).nope
(await Products.create({"name": "x"}))["nope"]
await Products.create([1])
await Products.create({"s": {1}})
await Products.get_by_id("nope")
await Products.update("nope", {"a": 1})
await Products.delete("nope")
(await Products.search("zzz"))
(await Products.get(limit=5)).pagination.limit
await Products.get(limit=5000)
await User.get("nobody")
await User.get({"email": "nobody@example.org"})
await User.get(email="nobody@example.org")
await User.get(email="a", phone="b")
await User.get({"name": "x"})
await User.get(5)
await User.get(mail="x")
(await User.get()).id == (await job.user()).id
(await User.get()).data
(await User.get()).nope
(await User.get())["nope"]
(await User.get()).profile.user_id == (await User.get()).id
(await User.get()).profile.userId == (await User.get()).id
(await User.get()).profile.full_name == (await User.get()).profile["fullName"]
(await User.get()).profile.mobile_numbers
(await User.get()).profile.nope
await (await User.get()).update({"city": "Rome"})
await (await User.get()).update([1])
await (await User.get()).update({"s": {1}})
await (await User.get()).patch({"a": 1}, unset=["city"])
await (await User.get()).unset("a")
await (await User.get()).unset(["a", "b"])
await (await User.get()).unset(5)
await (await User.get()).patch(unset="city")
await (await User.get()).send(5)
await (await User.get()).send([])
await (await User.get()).send({"type": "txt", "text": "x"})
await (await User.get()).send({"type": "text", "text": b"x"})
await (await User.get()).send(b"x")
(await (await User.get()).send("hello")).text
(await (await User.get()).send("hello")).content[0].text
(await (await User.get()).send("hello")).content[0]["text"]
(await (await User.get()).send("hello")).role
(await (await User.get()).send("hello")).createdAt
(await (await User.get()).send("hello")).thread_id
(await (await User.get()).send("hello"))["content"]
(await (await User.get()).send({"type": "image", "imageUrl": "http://x/y"})).text
(await (await User.get()).send({"type": "image", "imageUrl": "http://x/y"})).content[0].alt_text
[m.text for m in await (await User.get()).get_chat_history(limit=1)]
await (await User.get()).get_chat_history(limit=0)
await (await User.get()).get_chat_history("x")
[u.id for u in await User.list()] == [(await User.get()).id]
(await Jobs.get_job("other")).name
(await Jobs.get_job("othr"))
(await Jobs.get_job(5))
await Jobs.get_job()
await Jobs.get_job(id="x")
(await Jobs.get_job("other")).data.status
(await Jobs.get_job("other")).data["status"]
(await Jobs.get_job("other")).data.nextRunAt
(await Jobs.get_job("other")).data.next_run_at
(await Jobs.get_job("other")).data.description
(await Jobs.get_job("other")).data.last_execution
(await Jobs.get_job("other")).active_version.schedule.type
(await Jobs.get_job("other")).active_version.schedule["seconds"]
(await Jobs.get_job("other")).active_version.retry.max_attempts
(await Jobs.get_job("other")).active_version.timeout
(await Jobs.get_job("other")).active_version.version
(await Jobs.get_job("other")).active_version.description
(await Jobs.get_job("other")).activeVersion
(await Jobs.get_job("other")).metadata
(await Jobs.get_job("other")).metadata.a
(await Jobs.get_job("other")).metadata["a"]
(await Jobs.get_job("other")).metadata["zz"]
(await Jobs.get_job("other")).metadata.get("zz")
(await Jobs.get_job("other")).nope
[j.name for j in await Jobs.get_all()]
sorted(j.name for j in await Jobs.get_all(include_dynamic=True))
await Jobs.get_all({"includeDynamic": True})
await Jobs.get_all(includeDynamic=True)
len(await Jobs.get_all(include_dynamic=True, limit=1))
await Jobs.get_all(include_dynamic=True, limit=0)
await Jobs.get_all(include_dynamic=True, page=0)
await Jobs.get_all(include_dynamic=True, limit="x")
await Jobs.create({"name": "x"})
await Jobs.create(name="x")
await Jobs.create(name="x", schedule={"type": "interval", "second": 5}, source="async def execute(job): pass")
await Jobs.create(name="x", schedule={"type": "cron", "expression": "61 * * * *"}, source="async def execute(job): pass")
await Jobs.create(name="x", schedule="daily", source="async def execute(job): pass")
await Jobs.create(name="x", schedule=every(hours=1), source="async def execute(job): pass", retry={"maxRetries": 3})
await Jobs.create(name="x", schedule=every(hours=1), source="async def execute(job): pass", retry=3)
await Jobs.create(name="x", schedule=every(hours=1), source="async def execute(job): pass", metadata={"a": {1}})
await Jobs.create(name="x", schedule=every(hours=1), source="async def execute(job): pass", metadata=[1])
await Jobs.create(name="x", schedule=every(hours=1), source="async def execute(job): pass", overlap="never")
await Jobs.create(name="x", schedule=every(hours=1), source="async def execute(job): pass", timeout=-1)
await Jobs.create(name="x", schedule=every(hours=1), source="async def execute(job): pass", tiemout=1)
await Jobs.create(name="x", schedule=every(hours=1), source="async def execute(job): import os")
await Jobs.create(name="", schedule=every(hours=1), source="async def execute(job): pass")
(await Jobs.create(name="made", schedule=every(hours=1), source="async def execute(job): pass", retry={"maxAttempts": 2})).active_version.retry.max_attempts
(await Jobs.create(name="made2", schedule=every(hours=1), source="async def execute(job): pass")).data.change
(await Jobs.create(name="made3", schedule=every(hours=1), source="async def execute(job): pass")).change
await job.update_metadata({"k": {1}})
await job.update_metadata([1])
await job.update_metadata({"k": 1})
await job.update_metadata(k=1)
await job.update_metadata({2: 1})
job.metadata["k"]
job.metadata.k
job.metadata.nope
job.metadata["nope"]
job.name
job.nme
job.data.name
job.data["name"]
job.data.agent_id
job.active_version.schedule.type
await job.trigger("9.9.9")
await job.trigger(5)
(await (await Jobs.get_job("other")).trigger()).status
(await (await Jobs.get_job("other")).trigger()).error
(await (await Jobs.get_job("other")).trigger()).result
(await (await Jobs.get_job("other")).trigger())["status"]
(await (await Jobs.get_job("other")).trigger()).job_name
(await (await Jobs.get_job("other")).deactivate()).data.active
(await (await Jobs.get_job("other")).activate()).data.active
len(await job.versions())
(await job.versions())[0].version
(await job.versions())[0]["version"]
(await job.versions())[0].active
await job.versions(limit=0)
len(await job.next_runs(count=2))
(await job.next_runs(count=2))[0]
await job.next_runs(count=0)
await job.next_runs("x")
await job.logs(limit=0)
env("NOPE", 5)
env.get("NOPE")
env.get("NOPE", 5)
env()
env(5)
"NOPE" in env
await tools.nothing(a=1)
await tools.nothing(1)
await tools.add(a=1, b=2)
await tools.add(a="x", b=2)
await tools.add(1, 2)
await tools.boom()
await Data.create("a", {"x": 1}, {"index": False})
await Data.create("a", {"x": 1}, {"text": "q"})
(await Data.get("b", {"x": {"$exists": True}})).data
await Data.get("b", {"x": {"$exists": "yes"}})
(await (await Data.create("a", {"x": 1, "y": 2})).patch({"set": {"z": 3}, "unset": ["x"]})).data
(await (await Data.create("a", {"x": 1, "y": 2})).patch(set={"z": 3}, unset="x")).data
(await (await Data.create("a", {"x": 1, "y": 2})).patch({"z": 3})).data
(await (await Data.create("a", {"x": 1, "y": 2})).unset("x", "y")).data
(await (await Data.create("a", {"x": 1, "y": 2})).unset(["x"])).data
(await (await Data.create("a", {"x": 1}, "words")).patch({"searchText": None})).search_text
await (await Data.create("a", {"x": 1})).unset(5)
await (await Data.create("a", {"x": 1})).patch({"set": {1}})
await (await Data.create("a", {"x": 1})).patch({"set": {}}, unset="x")
await (await User.get()).patch({"set": {"a": 1, "b": 2}, "unset": ["city"]})
await (await User.get()).patch(set={"a": 1}, unset="b")
[m.text for m in await User.get_chat_history(limit=1)]
[m.text for m in await User.get_chat_history((await User.get()).id, 1)]
await User.get_chat_history("nobody")
[line.level for line in await job.logs()]
await tools.size(data=b"abc")
await tools.png()
(await tools.png())[:1]
await tools.echo(value={"a": [b"x", {"$bytes": "eA=="}, {"$object": {}}, {"$bytes": b"x"}]})
await tools.echo(value={"$bytes": 5})
await job.update_metadata({"picture": b"x"})
await job.update_metadata({"picture": [bytearray(b"x")]})
await Products.create({"picture": b"x"})
await (await User.get()).update({"picture": b"x"})
await Jobs.create(name="x", schedule=every(hours=1), source="async def execute(job): pass", metadata={"a": b"x"})
await Data.get("b", {"x": b"x"})
job.metadata.clear()
setattr(job, "count", 1)
setattr(await User.get(), "id", 1)
setattr(await Data.create("a", {"x": 1}), "id", 1)
setattr(await Products.create({"x": 1}), "id", 1)
""".strip().splitlines()

OF_ONE_KIND = """
await job.executions(limit=0)
await Data.create("a", {"at": datetime(2030, 1, 1)})
env("NOPE")
env["NOPE"]
""".strip().splitlines()
"""Lines whose errors are of one class, and name what is to be done on their own side."""

HEAD = """
from datetime import datetime, UTC
from luajobs_kit import every, once, cron

def shown(value):
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, datetime):
        return "datetime " + value.isoformat()
    if isinstance(value, bytes):
        return "bytes " + value.hex()
    if isinstance(value, dict):
        return {str(key): shown(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    return f"<{type(value).__name__}>"

async def execute(job):
    seen = []
"""


def source_of(lines):
    """Return a job that gives, for each line, what it gives or the error's class and message."""
    calls = [
        f"    async def line():\n        return {line}\n"
        "    try:\n        seen.append(['value', shown(await line())])\n"
        "    except Exception as error:\n"
        "        seen.append([type(error).__name__, str(error)])\n"
        for line in lines
    ]
    return "".join([HEAD, *calls, "    return seen\n"])


async def prepared(clock, source):
    """Return a workspace of its own with what the lines speak of, and the job that runs them."""
    ws = Workspace.in_process(clock=clock)
    await ws.__aenter__()

    @ws.tool
    async def add(a: int, b: int) -> int:
        return a + b

    @ws.tool
    async def size(data: bytes):
        return [len(data), type(data).__name__]

    @ws.tool
    async def png() -> bytes:
        return b"\x89PNG\xff"

    @ws.tool
    async def echo(value: Any) -> Any:
        return {"value": value, "bytes": [bytearray(b"\x00"), (b"",)]}

    @ws.tool
    async def boom():
        raise KeyError("gone")

    metadata = {"a": 1, "b": {"c": [1]}}
    nothing = "async def execute(job): pass"
    await ws.jobs.create(name="other", schedule=every(hours=1), source=nothing, metadata=metadata)
    return ws, await ws.jobs.create(name="ask", schedule=every(hours=1), source=source)


def without_ids(answers):
    """Leave out what differs from one workspace to the next."""
    text = re.sub(r"\b(job|entry|prod|exec|msg|ver)_[0-9A-Z]{26}", r"\1_…", json.dumps(answers))
    return json.loads(text)


async def inside(clock, lines):
    ws, job = await prepared(clock, source_of(lines))
    async with ws:
        run = await (await job.trigger()).wait()
        assert run.status == "completed", run.error
        return without_ids(run.result)


async def outside(clock, lines):
    ws, job = await prepared(clock, source_of(lines))
    async with ws:
        names = {name: getattr(luajobs_kit, name) for name in NAMES}
        exec(source_of(lines), names)
        return without_ids(await names["execute"](job))


async def test_a_line_means_the_same_in_a_notebook_and_in_a_job(clock):
    here, there = await outside(clock, LINES), await inside(clock, LINES)
    differ = [each for each in zip(LINES, here, there, strict=True) if each[1] != each[2]]
    assert differ == []


async def test_an_error_that_names_its_own_sides_cure_is_of_one_class(clock):
    here, there = await outside(clock, OF_ONE_KIND), await inside(clock, OF_ONE_KIND)
    assert [kind for kind, _ in here] == [kind for kind, _ in there]


KNOWN = {
    "every(minute=5)": [
        "InvalidInput",
        "every has no 'minute'; did you mean minutes? it takes seconds, minutes, hours, days, start.",
    ],
    'cron("61 * * * *")': ["InvalidInput", "cron '61 * * * *': minute 61 is outside 0\u201359."],
    'await Data.create("a", {1: "x"})': [
        "InvalidInput",
        "data has the key 1 of type int; JSON's keys are text: use str(key).",
    ],
    '(await Data.create("a", {"x": 1})).createdAt': ["value", "datetime 2030-01-07T08:00:00+00:00"],
    '(await Data.create("a", {"x": 1}))["createdAt"]': ["value", "2030-01-07T08:00:00Z"],
    'sorted(dict(await Data.create("a", {"x": 1})))': [
        "value",
        ["collection", "createdAt", "data", "id", "score", "searchText", "updatedAt"],
    ],
    'dict((await Data.create("a", {"x": 1})).data)': ["value", {"x": 1}],
    '(await (await User.get()).send("hello")).text': ["value", "hello"],
    '(await Jobs.get_job("other")).metadata.b.c': ["value", [1]],
    'env.get("NOPE", 5)': ["value", 5],
    'await tools.size(data=b"abc")': ["value", [3, "bytes"]],
    "await tools.png()": ["value", "bytes 89504e47ff"],
    'await tools.echo(value={"$bytes": "eA=="})': [
        "value",
        {"value": {"$bytes": "eA=="}, "bytes": ["bytes 00", ["bytes "]]},
    ],
    'len(await (await Data.create("a", {"x": 1, "y": 2})).patch({"set": {"z": 3}, "unset": ["x"]}))': [
        "value",
        7,
    ],
    'await (await User.get()).patch(set={"ab": 1, "a": 2}, unset="a")': [
        "value",
        {"a": 2, "ab": 1},
    ],
    'await (await User.get()).patch(unset="ab")': ["value", {"a": 2}],
    '(await Data.get("c", {"x": {"$exists": False}})).data': ["value", []],
    "(await job.logs())": ["value", []],
}


async def test_what_a_line_gives_is_right(clock):
    lines = list(KNOWN)
    assert dict(zip(lines, await inside(clock, lines), strict=True)) == KNOWN
    assert dict(zip(lines, await outside(clock, lines), strict=True)) == KNOWN


async def test_a_result_with_bytes_is_refused_with_the_way_out(ws):
    source = "async def execute(job):\n    return {'picture': b'x'}\n"
    job = await ws.jobs.create(name="ask", schedule=every(hours=1), source=source)
    run = await (await job.trigger()).wait()

    assert run.status == "failed"
    assert "the result['picture'] is bytes," in run.error.message
    assert "base64.b64encode(value).decode()" in run.error.message


async def test_a_lines_level_is_read_by_its_name(ws):
    source = "async def execute(job):\n    job.log.warning('x')\n    return [(e.level, e.subType, e['subType'], e.message, e.id) for e in await job.logs()]\n"
    job = await ws.jobs.create(name="ask", schedule=every(hours=1), source=source)
    run = await (await job.trigger()).wait()
    [line] = await run.logs()

    assert run.result == [[line.level, line.subType, line["subType"], line.message, line.id]]
    assert line.level == "warn"
