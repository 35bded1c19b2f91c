"""``luajobs serve MODULE``: an agent's jobs deployed, its tools answered for, again when it changes."""

import json
import os
import signal
import subprocess
import sys

import pytest

AGENT = '''
from luajobs_kit import LuaAgent, LuaJob, LuaSkill, every, lua_tool

@lua_tool
async def greet(name: str) -> str:
    """Say hello."""
    return "hello " + name

async def tick(job):
    return "tick"

agent = LuaAgent(
    name="shop",
    skills=[LuaSkill(name="talk", description="Talks", tools=[greet])],
    jobs=[LuaJob(name="ticker", schedule=every(hours=1), execute=tick)],
)
'''


@pytest.fixture
def serving(tmp_path):
    (tmp_path / "shop.py").write_text(AGENT)
    words = [sys.executable, "-u", "-m", "luajobs_kit.cli", "-w", str(tmp_path / ".luajobs")]
    server = subprocess.Popen(
        [*words, "serve", "shop.py", "--reload"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )

    def ask(*more: str):
        done = subprocess.run([*words, *more], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    yield server, ask, tmp_path / "shop.py"
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
    server.communicate(timeout=30)


def until(server, words):
    while True:
        line = server.stdout.readline()
        assert line, "the server ended"
        if words in line:
            return line


def test_an_agent_module_is_deployed_called_and_deployed_again_when_it_changes(serving):
    server, ask, file = serving
    until(server, "tools that jobs may call: greet")
    assert [job["name"] for job in ask("jobs", "list", "--json")] == ["ticker"]
    assert [tool["name"] for tool in ask("tools", "list", "--json")] == ["greet"]
    assert ask("tools", "call", "greet", '{"name": "Ada"}') == "hello Ada"
    file.write_text(AGENT.replace("hello ", "welcome ").replace("every(hours=1)", "every(hours=2)"))
    os.utime(file, ns=(1, 1))
    until(server, "update ticker")
    until(server, "tools that jobs may call: greet")
    assert ask("tools", "call", "greet", '{"name": "Ada"}') == "welcome Ada"


TOOLS = '''
from luajobs_kit import Workspace, lua_tool

ws = Workspace.current()

@ws.tool
def area(a: float, b: float) -> float:
    """Tell the area"""
    return a * b

@lua_tool
async def greet(name: str) -> str:
    """Say hello."""
    return "hello " + name
'''


def test_a_module_of_tools_is_served_without_an_agent(tmp_path):
    (tmp_path / "tools.py").write_text(TOOLS)
    words = [sys.executable, "-u", "-m", "luajobs_kit.cli", "-w", str(tmp_path / ".luajobs")]
    server = subprocess.Popen(
        [*words, "serve", "tools.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    try:
        until(server, "tools that jobs may call: area, greet")
        call = [*words, "tools", "call", "area", '{"a": 2, "b": 3}']
        assert json.loads(subprocess.run(call, capture_output=True, check=True).stdout) == 6
    finally:
        server.terminate()
        server.communicate(timeout=30)


def test_a_mistake_in_the_module_is_told_at_once_with_its_line(tmp_path):
    (tmp_path / "broken.py").write_text(
        "from luajobs_kit import LuaAgent\nagent = LuaAgent(nome='x')\n"
    )
    words = [sys.executable, "-m", "luajobs_kit.cli", "-w", str(tmp_path / ".luajobs"), "serve"]
    server = subprocess.Popen(
        [*words, "broken.py", "nofile.py"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        told = ""
        while "nome" not in told or "nofile" not in told:
            line = server.stderr.readline()
            assert line, told
            told += line
        assert "broken.py" in told
        assert "line 2" in told
        assert "host.py" not in told
    finally:
        server.terminate()
        server.communicate(timeout=30)
