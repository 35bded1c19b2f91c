"""Engines that die at a chosen step, and what is left of them."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from luajobs_kit.clock import VirtualClock
from luajobs_kit.model import Bundle, JobSpec, OnceSchedule

PATIENCE = 30.0  # seconds for a dead engine's processes to end

if sys.platform != "linux":
    pytest.skip("needs pidfds and /proc", allow_module_level=True)


@pytest.fixture(scope="module")
def maker() -> Iterator[subprocess.Popen[str]]:
    """The process that makes engines and waits for their end."""
    script = str(Path(__file__).with_name("doomed_engine.py"))
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / ".luajobs"
    folder.mkdir(mode=0o700)
    return folder


Die = Callable[..., None]


@pytest.fixture
def die(maker: subprocess.Popen[str], folder: Path) -> Die:
    """Let an engine live on the folder until it reaches a step; returns when nothing is left of it."""

    def live_until(
        step: str, spec: JobSpec | None = None, *, count: int = 1, deactivate: bool = False
    ) -> None:
        order = {
            "folder": str(folder),
            "spec": spec and spec.to_json(),
            "step": step,
            "count": count,
            "deactivate": deactivate,
        }
        assert maker.stdin is not None
        assert maker.stdout is not None
        maker.stdin.write(json.dumps(order) + "\n")
        maker.stdin.flush()
        word, code, session = maker.stdout.readline().split()
        assert (word, int(code)) == ("dead", -signal.SIGKILL)
        if session != "0":
            wait_until_gone(int(session))

    return live_until


def wait_until_gone(session: int) -> None:
    """Return when no process of the session lives; fail when one will not end."""
    while members := living(session):
        for pid in members:
            try:
                descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            try:
                gone, _, _ = select.select([descriptor], [], [], PATIENCE)
                assert gone, f"process {pid} of the dead engine's sandbox lives on"
            finally:
                os.close(descriptor)


def living(session: int) -> list[int]:
    """Return the processes of a session that are not dead (a zombie only waits to be reaped)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            state, _, _, of = stat[stat.rindex(")") + 2 :].split()[:4]
            if int(of) == session and state not in "ZX":
                found.append(int(entry.name))
    return found


@pytest.fixture
def soon() -> OnceSchedule:
    """Due about when the engine has made its job, by the real clock."""
    return OnceSchedule(execute_at=datetime.now(UTC) + timedelta(seconds=0.2))


@pytest.fixture
def later() -> Callable[..., VirtualClock]:
    """Make the clock of the next engine, which comes some time after the last one's end."""

    def make(**after: float) -> VirtualClock:
        return VirtualClock(datetime.now(UTC) + timedelta(**after))

    return make


@pytest.fixture
def spec() -> Callable[..., JobSpec]:
    """A job that leaves a trace of each attempt: metadata, a message, a line of its log."""

    def make(schedule: Any, *, body: str = "return attempt", **given: Any) -> JobSpec:
        source = (
            "async def execute(job):\n"
            "    attempt = job.execution.attempt\n"
            "    print('attempt', attempt)\n"
            "    await job.update_metadata({'attempt': attempt})\n"
            "    await (await job.user()).send(f'attempt {attempt}')\n"
            f"    {body}\n"
        )
        bundle = Bundle(source=source, entry="execute", file="notebook.py")
        return JobSpec(**{"name": "job", "schedule": schedule, "bundle": bundle, **given})

    return make
