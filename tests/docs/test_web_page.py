"""The page on the web, keys and packages: its four jobs are created as written, and run against a local server."""

from __future__ import annotations

import ast
import importlib.util
import json
import linecache
import re
from pathlib import Path

import pytest
from web_server import WebServer

from luajobs_kit import Workspace

PAGE = Path(__file__).parents[2] / "docs" / "web.md"
FEED = "<rss><item><title>One</title></item><item><title>Two</title></item></rss>"


def priced(_path, _body):
    return 200, {"Content-Type": "application/json"}, b'{"price": 17.5}'


def answered(_path, body):
    asked = json.loads(body)["messages"][0]["content"]
    said = json.dumps({"choices": [{"message": {"content": f"In short: {asked}"}}]})
    return 200, {"Content-Type": "application/json"}, said.encode()


@pytest.fixture
def server():
    serving = WebServer(
        {
            "/news.xml": (200, {"Content-Type": "application/rss+xml"}, FEED.encode()),
            "/api/price": priced,
            "/v1/chat/completions": answered,
            "/sales.csv": (200, {}, b"shop,amount\nnorth,2\nsouth,5\nnorth,4\n"),
        }
    )
    yield serving
    serving.close()


@pytest.fixture
async def created(server, tmp_path):
    """The jobs of the page, its hosts being the local server."""
    async with Workspace.in_process() as ws:
        text = PAGE.read_text(encoding="utf-8")
        code = "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
        for host in ("feeds", "shop", "model"):
            code = code.replace(f"https://{host}.example.org", server.url)
            code = code.replace(f'"{host}.example.org"', '"127.0.0.1"')
        file = tmp_path / "page.py"
        file.write_text(code, encoding="utf-8")
        await run(file)
        await ws.settings(http_private=True)
        yield ws


async def run(file):
    text = file.read_text(encoding="utf-8")
    linecache.cache[str(file)] = (len(text), None, text.splitlines(keepends=True), str(file))
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    await eval(compile(text, str(file), "exec", flags), {"__name__": "__main__"})


async def ran(ws, name):
    job = await ws.jobs.get_job(name)
    return await (await job.trigger()).wait()


async def test_a_feed_tells_what_is_new_and_nothing_twice(created):
    assert (await ran(created, "feed")).result == 2
    assert (await ran(created, "feed")).result == 0
    assert sorted(message.text for message in await created.inbox()) == ["New: One", "New: Two"]


async def test_a_price_below_the_limit_is_told(created, server):
    assert (await ran(created, "price")).result == 17.5
    [message] = await created.inbox()
    assert message.text == "Tea is down to 17.5"
    assert [path for _, path, _ in server.asked] == ["/api/price?id=tea"]
    server.pages["/api/price"] = (503, {}, b"")
    run = await ran(created, "price")
    assert run.result is None
    assert "no price today: BadStatus" in [line.message for line in await run.logs()]


async def test_a_model_is_asked_with_the_key_and_the_key_is_told_nowhere(created, server):
    run = await ran(created, "summary")
    assert run.result == "In short: Sum up: Three meetings, two of them short."
    assert [method for method, _, _ in server.asked] == ["POST"]
    assert "no-real-key" not in repr([run.data, await run.logs(), await created.inbox()])


@pytest.mark.skipif(importlib.util.find_spec("pandas") is None, reason="pandas is not installed")
async def test_a_report_is_made_by_a_tool_that_has_pandas(created):
    assert (await ran(created, "report")).result == {"north": 6, "south": 5}
    [message] = await created.inbox()
    assert message.text == "north: 6\nsouth: 5"


async def test_a_report_without_pandas_names_what_is_missing(created):
    if importlib.util.find_spec("pandas") is not None:
        pytest.skip("pandas is installed")
    run = await ran(created, "report")
    assert (run.status, run.error.type) == ("failed", "ToolError")
    assert "No module named 'pandas'" in run.error.message
