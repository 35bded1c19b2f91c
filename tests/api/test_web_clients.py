"""``requests`` and ``httpx`` inside a job, and a plain ``def`` that asks the kit for something."""

from __future__ import annotations

import base64

import httpx
from web_server import PNG

from luajobs_kit import Data, every, tools


async def result_of(ws, server, source=None, execute=None):
    job = await ws.jobs.create(
        name="ask",
        schedule=every(hours=1),
        source=source,
        execute=execute,
        metadata={"url": server.url},
    )
    run = await (await job.trigger()).wait()
    assert run.status == "completed", run.error
    return run.result


REQUESTS = """
import requests
from requests import Session
from requests.exceptions import HTTPError, Timeout

def execute(job):
    url = job.metadata["url"]
    seen = {}
    r = requests.get(url + "/json", params={"q": True}, timeout=5)
    r.raise_for_status()
    seen["json"] = [r.status_code, r.ok, bool(r), r.json(), r.headers["X-KIND"], r.reason, repr(r)]
    seen["png"] = len(requests.get(url + "/png").content)
    with Session() as s:
        s.headers.update({"X-One": "1"})
        s.auth = ("me", "pass")
        s.params = {"all": 1}
        seen["session"] = s.post(url + "/echo", json={"a": 1}, params={"b": 2}).json()
    seen["form"] = requests.post(url + "/echo", {"a": "b c"}).json()["body"]
    seen["bytes"] = requests.put(url + "/echo", data=b"abc").json()["body"]
    seen["file"] = requests.post(url + "/echo", files={"f": ("a.txt", b"x")}).json()["body"]
    seen["moved"] = [
        requests.get(url + "/moved").json()["path"],
        requests.get(url + "/moved", allow_redirects=False).status_code,
        requests.head(url + "/moved").status_code,
    ]
    seen["codes"] = requests.get(url + "/missing").status_code == requests.codes.not_found
    for call in (
        lambda: requests.get(url + "/missing").raise_for_status(),
        lambda: requests.get(url + "/slow", timeout=(1, 0.2)),
        lambda: requests.get("http://127.0.0.1:9/"),
        lambda: requests.get("https://api.example.org"),
        lambda: requests.get(url, verify=False),
        lambda: requests.get("nowhere"),
        lambda: requests.get(url + "/utf8").json(),
    ):
        try:
            call()
        except HTTPError as e:
            seen.setdefault("errors", []).append(["HTTPError", e.response.status_code])
        except Timeout:
            seen["errors"].append("Timeout")
        except requests.ConnectionError:
            seen["errors"].append("ConnectionError")
        except requests.RequestException as e:
            seen["errors"].append(["RequestException", e.kind])
        except ValueError as e:
            seen["errors"].append([type(e).__name__, str(e)])
    return seen
"""


async def test_requests_is_the_library_that_people_know(allowed, server):
    seen = await result_of(allowed, server, REQUESTS)

    assert seen["json"] == [200, True, True, {"a": [1]}, "a", "OK", "<Response [200]>"]
    assert seen["png"] == len(PNG)
    assert seen["session"]["path"] == "/echo?all=1&b=2"
    assert seen["session"]["headers"] == {
        "Content-Type": "application/json",
        "Authorization": "Basic " + base64.b64encode(b"me:pass").decode(),
        "X-One": "1",
    }
    assert base64.b64decode(seen["form"]) == b"a=b+c"
    assert base64.b64decode(seen["bytes"]) == b"abc"
    assert b'filename="a.txt"' in base64.b64decode(seen["file"])
    assert seen["moved"] == ["/echo?from=moved", 302, 302]
    assert seen["codes"] is True
    assert seen["errors"][:4] == [
        ["HTTPError", 404],
        "Timeout",
        "ConnectionError",
        ["RequestException", "NotAllowed"],
    ]
    assert "verify= cannot be given in job code" in seen["errors"][4][1]
    assert "no http or https address" in seen["errors"][5][1]
    assert seen["errors"][6][0] == "JSONDecodeError"
    assert [path for _, path, _ in server.asked if "q=" in path] == ["/json?q=True"]


def plain_client(job):
    url = job.metadata["url"]
    with httpx.Client(base_url=url, headers={"X-One": "1"}, timeout=httpx.Timeout(5.0)) as client:
        told = client.post("/echo", json=1).json()
        first = httpx.get(url + "/moved")
        try:
            client.get("/missing").raise_for_status()
        except httpx.HTTPStatusError as error:
            failed = [error.response.status_code, error.response.reason_phrase]
        try:
            client.get("/slow", timeout=0.2)
        except httpx.TimeoutException as error:
            slow = type(error).__name__
        return [
            told["path"],
            told["headers"]["X-One"],
            first.status_code,
            first.is_redirect,
            failed,
            slow,
        ]


async def awaiting_client(job):
    async with httpx.AsyncClient(follow_redirects=True) as client:
        answer = await client.get(job.metadata["url"] + "/moved")
        return [answer.json()["path"], answer.is_success, answer.url.endswith("from=moved")]


async def test_httpx_is_the_library_that_people_know(allowed, server):
    assert await result_of(allowed, server, execute=plain_client) == [
        "/echo",
        "1",
        302,
        True,
        [404, "Not Found"],
        "TimedOut",
    ]
    assert await result_of(allowed, server, execute=awaiting_client) == [
        "/echo?from=moved",
        True,
        True,
    ]


def plain(job):
    user = job.user()
    user.send("hello")
    user.update({"city": "Ghent"})
    entry = Data.create("seen", {"n": 1})
    entry.patch(set={"m": 2})
    again = Data.get_entry("seen", entry.id)
    job.update_metadata({"n": job.metadata.get("n", 0) + 1})
    return [
        user.city,
        again.data,
        job.metadata["n"],
        tools.double(n=4),
        len(user.get_chat_history()),
    ]


async def test_a_plain_function_asks_the_kit_and_is_answered(allowed, server):
    @allowed.tool
    async def double(n: int) -> int:
        return 2 * n

    given = await result_of(allowed, server, execute=plain)

    assert given == ["Ghent", {"n": 1, "m": 2}, 1, 8, 1]
    [message] = await allowed.inbox()
    assert message.text == "hello"


AROUND = """
import asyncio
from luajobs_kit import http, Data, NotFound

async def two(job):
    return await asyncio.gather(Data.create("a", {"n": 1}), Data.create("a", {"n": 2}))

def execute(job):
    seen = [len(asyncio.run(two(job)))]
    seen.append(http.get(job.metadata["url"] + "/json").json())
    try:
        Data.get_entry("a", "none")
    except NotFound:
        seen.append("NotFound")
    seen.append(asyncio.run(Data.create("a", {"n": 3})).n)
    return seen
"""


async def test_a_plain_function_may_run_a_loop_around_some_of_it(allowed, server):
    assert await result_of(allowed, server, AROUND) == [2, {"a": [1]}, "NotFound", 3]
