"""The monitor in a real terminal, on an engine in a process of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from luajobs_kit import client
from luajobs_kit.client.discover import stop
from luajobs_kit.port import Port

pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None, reason="tmux is not installed: no real terminal to look at"
)
ROWS = 24


class Terminal:
    """A tmux server of its own, with one 80x24 window; what it shows is read from its pane."""

    def __init__(self, socket: Path, folder: Path) -> None:
        self._socket = socket
        # What the window writes also rings a named pipe, so that waiting needs no polling.
        self._bell = folder / "bell"
        os.mkfifo(self._bell)
        command = f"{sys.executable} -m luajobs_tui {folder}"
        self._tmux("new-session", "-d", "-x", "80", "-y", str(ROWS), command)
        self._tmux("pipe-pane", f"cat > {self._bell}")
        self._rings = asyncio.Event()
        self._pipe = os.open(self._bell, os.O_RDONLY | os.O_NONBLOCK)
        asyncio.get_running_loop().add_reader(self._pipe, self._ring)

    def _ring(self) -> None:
        try:
            os.read(self._pipe, 65_536)
        except BlockingIOError:
            return
        self._rings.set()

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-S", str(self._socket), "-f", "/dev/null", *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=20
        ).stdout

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def write(self, typed: bytes) -> None:
        """Have all these bytes reach the monitor at once."""
        self._tmux("send-keys", "-H", *(f"{byte:02x}" for byte in typed))

    def shows(self) -> str:
        return self._tmux("capture-pane", "-p")

    async def sees(self, *words: str) -> None:
        shown = ""
        try:
            async with asyncio.timeout(60):
                while not all(word in (shown := self.shows()) for word in words):
                    self._rings.clear()
                    await self._rings.wait()
        except TimeoutError:
            raise AssertionError(f"{words} not all seen in:\n{shown}") from None

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pipe)
        os.close(self._pipe)
        subprocess.run(
            ["tmux", "-S", str(self._socket), "kill-server"], capture_output=True, check=False
        )


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[Port]:
    connected = await client.connect(tmp_path)
    yield connected
    pid = (await connected.status()).pid
    await connected.aclose()
    os.kill(pid, signal.SIGTERM)


@pytest.fixture
async def terminal(port: Port, tmp_path: Path) -> AsyncIterator[Terminal]:
    opened = Terminal(tmp_path / "tmux", tmp_path)
    yield opened
    opened.close()


async def test_a_job_is_run_watched_and_survives_its_engine_being_killed(port, terminal, tui):
    await terminal.sees("No job yet.", "● live")
    await tui.make(port, "greeter")
    await terminal.sees("greeter", "every 1h", "not yet run", "No line yet")
    terminal.press("r")
    await terminal.sees("✓ ", "info  hello there")
    assert len(terminal.shows().splitlines()) <= ROWS
    old = (await port.status()).pid
    assert f"engine {old}" in terminal.shows()
    os.kill(old, signal.SIGKILL)
    new = (await port.status()).pid
    assert new != old
    await terminal.sees(f"engine {new}", "● live", "greeter", "hello there")
    terminal.press("d")
    await terminal.sees("○ greeter")
    assert (await port.find_job("greeter")).status == "inactive"


async def test_an_engine_that_was_stopped_is_said_to_be_and_running_a_job_starts_it(
    port, terminal, tui
):
    await tui.make(port, "greeter")
    await terminal.sees("greeter", "● live")
    await asyncio.to_thread(stop, port.folder)
    await terminal.sees("greeter", "○ stopped")
    terminal.press("r")
    await terminal.sees("● live", "info  hello there")


async def test_what_is_typed_at_once_does_what_it_does_key_by_key(port, terminal, tui):
    for name in ("alpha", "beta", "gamma"):
        await tui.make(port, name)
    await terminal.sees("alpha", "gamma", "No line yet")
    terminal.write(b"/xyloq")
    await terminal.sees("filter jobs xyloq", "0 of 3")
    terminal.write(b"\x1b")
    await terminal.sees("Jobs 3", "alpha")
    terminal.write(b"\x1b[B\x1b[Bd\x1b[Ad")  # down, down, d, up, d
    await terminal.sees("○ beta", "○ gamma", "● alpha")
    terminal.write(b"/ga\rxyar")  # of what the filter leaves: delete it, and yes
    await terminal.sees("No job is selected")
    terminal.write(b"\x1b")
    await terminal.sees("Jobs 2")
    terminal.write(b"nxq\t\x15every 7h\x13r")  # the form: a name, a schedule, ctrl+s; then r
    await terminal.sees("● xq", "every 7h", "run 1 of xq")
    found = {job.name: job.status for job in await port.list_jobs(include_dynamic=True)}
    assert found == {"alpha": "active", "beta": "inactive", "xq": "active"}
    page = await port.list_executions()
    assert [run.job_name for run in page.executions] == ["xq"]


def test_without_a_terminal_it_says_so_instead_of_waiting(tmp_path):
    command = [sys.executable, "-m", "luajobs_tui", str(tmp_path)]
    ended = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "needs a terminal" in ended.stderr
    assert "Traceback" not in ended.stderr
