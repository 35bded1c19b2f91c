"""``http``: one surface, whether a notebook sends the request or the engine for a job."""

from __future__ import annotations

import luajobs_kit
from luajobs_kit import HttpError, NotAllowed, every
from luajobs_kit.errors import ConnectFailed, HostNotAllowed, TimedOut, rebuild

HEAD = """
from luajobs_kit import ConnectFailed, HttpError, InvalidInput, NotAllowed, TimedOut, http

async def caught(call):
    try:
        return await call
    except HttpError as error:
        status = None if error.response is None else error.response.status_code
        return [type(error).__name__, error.kind, str(error), status]

async def execute(job):
    URL = job.metadata["url"]
    seen = []
    async def echo(call):
        r = await call
        return {**r.json(), "status": r.status_code}
"""

LINES = """
(await http.get(URL + "/json")).json()
(await http.get(URL + "/json")).text
(await http.get(URL + "/json")).content
(await http.get(URL + "/json")).status
(await http.get(URL + "/json")).headers["x-kind"]
(await http.get(URL + "/json")).headers["X-Kind"]
(await http.get(URL + "/json")).headers.get("X-KIND")
(await http.get(URL + "/json")).headers.get("X-None", 5)
"X-KIND" in (await http.get(URL + "/json")).headers
(await http.get(URL + "/json")).url == URL + "/json"
(await http.get(URL + "/json")).raise_for_status().ok
repr(await http.get(URL + "/json"))
(await http.get(URL + "/png")).content
(await http.get(URL + "/png")).text
(await http.get(URL + "/latin")).text
(await http.get(URL + "/latin")).content
(await http.get(URL + "/utf8")).text
(await http.get(URL + "/utf8")).content
(await http.get(URL + "/missing")).ok
(await http.get(URL + "/missing")).json()
await caught(http.get(URL + "/slow", timeout=0.2))
(await http.head(URL + "/json")).text
(await http.request("get", URL + "/json")).status_code
await echo(http.get(URL + "/echo?a=1", params={"b": 2, "c": [3, 4], "d": None, "e": True}))
await echo(http.get(URL + "/echo#top", params=[("b", "x y"), ("b", "é")]))
await echo(http.get(URL + "/echo", params="q=1"))
await echo(http.get(URL + "/echo", headers={"X-One": 1}))
await echo(http.get(URL + "/echo", auth=("me", "pass")))
await echo(http.post(URL + "/echo", json={"a": [1, "é"]}))
await echo(http.post(URL + "/echo", json=[]))
await echo(http.post(URL + "/echo", data={"a": "1 2", "b": ["x", "y"]}))
await echo(http.post(URL + "/echo", data=b"abc"))
await echo(http.post(URL + "/echo", data="abc"))
await echo(http.post(URL + "/echo", content=b"\\x00\\xff"))
await echo(http.post(URL + "/echo", content="text", headers={"content-type": "text/x"}))
await echo(http.post(URL + "/echo", files={"f": ("a.txt", b"\\xff", "text/plain")}, data={"k": "v"}))
await echo(http.post(URL + "/echo", files={"f": b"abc"}))
await echo(http.put(URL + "/echo", json=1))
await echo(http.patch(URL + "/echo", json=1))
await echo(http.delete(URL + "/echo"))
await echo(http.delete(URL + "/echo", json=1))
await echo(http.get(URL + "/moved"))
await echo(http.post(URL + "/moved", json={"a": 1}))
await echo(http.post(URL + "/other", json={"a": 1}))
await echo(http.put(URL + "/other", json={"a": 1}))
await echo(http.post(URL + "/kept", json={"a": 1}))
(await http.get(URL + "/moved", follow_redirects=False)).headers["location"]
(await http.post(URL + "/kept", follow_redirects=False)).status_code
(await http.get(URL + "/broken")).raise_for_status()
await http.get(URL, tiemout=3)
await http.get()
await http.get(5)
await http.get(URL, timeout=-3)
await http.get(URL, timeout="soon")
await http.get("ftp://x/")
await http.get("localhost")
await http.post(URL, json={"a": {1}})
await http.post(URL, json={"a": b"x"})
await http.post(URL, json={"a": 1}, data={"b": 2})
await http.post(URL, content={"a": 1})
await http.post(URL, files={"f": 5})
await http.post(URL, auth="token")
await http.post(URL, headers=5)
""".strip().splitlines()


def source_of(lines):
    shown = """
def shown(value):
    if isinstance(value, bytes):
        return "bytes " + value.hex()
    if isinstance(value, dict):
        return {str(key): shown(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    return value
"""
    calls = [
        f"    async def line():\n        return {line}\n"
        "    try:\n        seen.append(['value', shown(await line())])\n"
        "    except Exception as error:\n"
        "        seen.append([type(error).__name__, str(error)])\n"
        for line in lines
    ]
    return "".join([shown, HEAD, *calls, "    return seen\n"])


async def both(ws, server, lines):
    source = source_of(lines)
    job = await ws.jobs.create(
        name="ask", schedule=every(hours=1), source=source, metadata={"url": server.url}
    )
    run = await (await job.trigger()).wait()
    assert run.status == "completed", run.error
    names = {}
    exec(source, names)
    return await names["execute"](job), run.result


async def test_a_request_and_its_answer_are_the_same_on_both_sides(allowed, server):
    here, there = await both(allowed, server, LINES)
    differ = [each for each in zip(LINES, here, there, strict=True) if each[1] != each[2]]
    assert differ == []


KNOWN = {
    '(await http.get(URL + "/png")).content': ["value", "bytes 89504e470d0a1a0aff00"],
    '(await http.get(URL + "/latin")).text': ["value", "né"],
    '(await echo(http.post(URL + "/echo", data=b"abc")))["body"]': ["value", "YWJj"],
    '(await echo(http.get(URL + "/echo?a=1", params={"b": [2, 3]})))["path"]': [
        "value",
        "/echo?a=1&b=2&b=3",
    ],
    '(await echo(http.post(URL + "/moved", json=1)))["method"]': ["value", "GET"],
    '(await echo(http.post(URL + "/kept", json=1)))["body"]': ["value", "MQ=="],
    '(await caught(http.get(URL + "/slow", timeout=0.2)))[:2]': ["value", ["TimedOut", "TimedOut"]],
    "(await http.get(URL, tiemout=3))": [
        "InvalidInput",
        (
            "http.get has no 'tiemout'; Did you mean 'timeout'? it takes url, params, headers, "
            "json, data, content, files, auth, timeout, follow_redirects."
        ),
    ],
}


async def test_what_a_request_gives_is_right(allowed, server):
    here, there = await both(allowed, server, list(KNOWN))
    assert dict(zip(KNOWN, here, strict=True)) == KNOWN
    assert dict(zip(KNOWN, there, strict=True)) == KNOWN


async def test_the_kinds_of_failure_are_the_same_classes_on_both_sides(allowed, server):
    lines = [
        'await caught(http.get("http://127.0.0.1:9/"))',
        'await caught(http.get(URL + "/slow", timeout=0.2))',
        "await caught(raised())",
    ]
    source = source_of(lines).replace(
        "    seen = []\n",
        "    seen = []\n    async def raised():\n"
        '        return (await http.get(URL + "/missing")).raise_for_status()\n',
    )
    job = await allowed.jobs.create(
        name="ask", schedule=every(hours=1), source=source, metadata={"url": server.url}
    )
    run = await (await job.trigger()).wait()
    names = {}
    exec(source, names)
    for found in (run.result, await names["execute"](job)):
        assert [value[0:2] for _, value in found] == [
            ["ConnectFailed", "ConnectFailed"],
            ["TimedOut", "TimedOut"],
            ["HttpError", "BadStatus"],
        ]
        assert found[2][1][2:] == [
            f"{server.url}/missing answered 404 Not Found: nothing here",
            404,
        ]


async def test_a_host_that_is_not_allowed_is_refused_with_what_allows_it(allowed):
    source = source_of(['await caught(http.get("https://api.example.org/x"))'])
    job = await allowed.jobs.create(
        name="ask", schedule=every(hours=1), source=source, metadata={"url": ""}
    )
    [[_, [name, kind, says, _]]] = (await (await job.trigger()).wait()).result

    assert (name, kind) == ("NotAllowed", "NotAllowed")
    assert "luajobs settings http_hosts+=api.example.org" in says
    assert says.endswith('await ws.settings.allow_host("api.example.org")')


def test_an_error_of_the_web_keeps_its_class_on_the_wire():
    for kind in (ConnectFailed, TimedOut, HostNotAllowed):
        error = rebuild(kind.code, "why")
        assert type(error) is kind
        assert isinstance(error, HttpError)
    assert issubclass(HostNotAllowed, NotAllowed)
    assert luajobs_kit.TimedOut is TimedOut
