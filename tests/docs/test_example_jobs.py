"""The example jobs of the docs, run as they stand against a server of this machine."""

import importlib.util
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from luajobs_kit import Workspace, every

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
FEED = "<rss><channel><item><title>{0}</title><link>https://{0}</link></item></channel></rss>"


class Web(BaseHTTPRequestHandler):
    """The pages that the examples ask for; ``asked`` are the requests."""

    hooks = 0

    def do_GET(self):
        split = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(split.query).items()}
        price = {"1": "100", "2": "90"}.get(self.headers.get("Authorization", "")[-1:], "100")
        pages = {
            "/": "home",
            "/news.xml": FEED.format("news"),
            "/blog.xml": FEED.format("blog"),
            "/product": "<p>Now only € 9,50</p>",
            "/weather": json.dumps({"rain": 0.8 if asked.get("key") == "w-key" else 0}),
            "/quotes": json.dumps({"price": price}),
            "/links.html": '<a href="/">good</a> <a href="gone.html">bad</a>',
            "/rates.json": json.dumps({"rates": {"USD": 1.105}}),
            "/app.log": "INFO Start: up\nERROR KeyError: 'a'\nERROR OSError: b\nERROR KeyError: c\n",
            "/repos/python/cpython": json.dumps({"stargazers_count": 7}),
        }
        found = split.path in pages
        self.answer(200 if found else 404, pages.get(split.path, "nothing"))

    do_HEAD = do_GET  # noqa: N815 - as the library looks for it

    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/hook":
            Web.hooks += 1
            self.answer(200 if Web.hooks == 3 else 503, json.dumps({"got": sent["text"]}))
        else:
            text = f"{self.headers['Authorization']}: {sent['messages'][1]['content']}"
            message = {"choices": [{"message": {"content": text}}]}
            self.answer(200, json.dumps(message))

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
async def run(address, tmp_path):
    """Give what makes a job of an example and runs it; and what it sent."""
    async with Workspace.in_process() as workspace:
        settings = {
            "http_hosts": ["127.0.0.1"],
            "http_private": True,
            "env": {"WEATHER_KEY": "w-key", "STOCK_TOKEN": "token-1", "MODEL_KEY": "m-key"},
        }
        await workspace.settings(**settings)
        await workspace.data.create("notes", {"day": "Mon", "text": "one"})
        await workspace.data.create("notes", {"day": "Mon", "text": "two"})
        await workspace.data.create("logs", {"at": "2020-01-01T00:00:00+00:00"})
        await workspace.data.create("logs", {"at": "2999-01-01T00:00:00+00:00"})
        await workspace.data.create("friends", {"name": "Ada", "born": "1815-12-10"})
        await workspace.data.create("todos", {"what": "b", "due": "2026-02-01", "done": False})
        await workspace.data.create("todos", {"what": "a", "due": "2026-01-01", "done": False})
        await workspace.data.create("todos", {"what": "c", "due": "2026-01-01", "done": True})

        async def run(name, metadata, times=1):
            text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
            (tmp_path / f"{name}.py").write_text(text.replace("https://example.org", address))
            module = load(name, tmp_path / f"{name}.py")
            job = await workspace.jobs.create(
                name=name,
                schedule=every(days=1),
                execute=getattr(module, name),
                metadata=metadata or {},
            )
            for _ in range(times):
                outcome = await (await job.trigger()).wait()
                assert outcome.status == "completed", (outcome.error, await job.logs())
            sent = [message.text for message in await workspace.inbox()]
            return outcome.result, sent, (await job.refresh()).metadata

        yield run


def load(name, file):
    """Import a file as its author would."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


EXPECTED = {
    "reminder": ({"message": "Tea"}, None, ["⏰ Tea"]),
    "price_watch": ({"limit": 10}, 9.5, ["Now only € 9.50"]),
    "uptime": ({}, {"home": "up", "shop": "down"}, []),
    "digest": ({}, 1, ["Mon: one, two"]),
    "csv_report": (
        {"sales": {"tea": [1, 2], "cup": [3]}},
        "product,sold,average\r\ncup,3,3.0\r\ntea,3,1.5\r\n",
        [],
    ),
    "habit_counter": ({}, 1, []),
    "clean_up": ({}, 1, []),
    "weather": ({"city": "Berlin"}, 0.8, ["Take an umbrella: 80% in Berlin"]),
    "pomodoro": (
        {},
        None,
        [f"Round {n}: work" if n else "Break" for n in (1, 0, 2, 0, 3, 0, 4, 0)],
    ),
    "birthdays": ({"today": "2026-12-10"}, ["Ada"], ["🎂 Ada"]),
    "link_checker": ({}, ["{0}/gone.html"], []),
    "todo_nag": ({"today": "2026-03-01"}, 2, ["1. a\n2. b"]),
    "error_digest": ({}, 3, ['{"KeyError": 2, "OSError": 1}']),
    "github_stars": (
        {"repository": "python/cpython"},
        {"name": "python/cpython", "stars": 7},
        ["python/cpython: 7 more stars"],
    ),
    "water": ({"zone": "Asia/Tokyo", "at": "2026-03-01T00:30:00+00:00"}, True, ["💧"]),
    "post_summary": ({"done": 3, "all": 4}, {"got": "3 of 4 done"}, []),
    "model_call": ({"text": "Long."}, "Bearer m-key: Long.", ["Bearer m-key: Long."]),
}


@pytest.mark.parametrize("name", EXPECTED)
async def test_an_example_does_what_it_says(run, address, name):
    metadata, result, sent = EXPECTED[name]
    if name == "link_checker":
        result = [each.format(address) for each in result]
    found, messages, _ = await run(name, metadata)
    assert found == result
    assert sorted(messages) == sorted(sent)


async def test_a_feed_is_told_of_once(run):
    _, messages, kept = await run("rss_seen_list", {}, times=2)
    assert sorted(messages) == ["blog https://blog", "news https://news"]
    assert kept["seen"] == ["https://blog", "https://news"]


async def test_a_share_that_moved_since_the_last_look_is_told(run):
    _, messages, kept = await run("stock_alert", {"symbol": "X", "percent": 5, "price": "80"})
    assert messages == ["X moved by +25.0 %"]
    assert kept["price"] == "100"


async def test_the_rest_run_to_their_end(run):
    result, messages, _ = await run("standup", {})
    assert (result == "weekend") is (messages == [])
    result, messages, _ = await run("currency", {"euros": "10"})
    assert result["usd"] == "11.05"
    _, messages, kept = await run("quote_of_the_day", {}, times=3)
    assert len(kept["lately"]) == 2


def test_every_example_is_run():
    tested = {*EXPECTED, "rss_seen_list", "stock_alert", "standup", "currency", "quote_of_the_day"}
    assert {file.stem for file in EXAMPLES.glob("*.py")} == tested
