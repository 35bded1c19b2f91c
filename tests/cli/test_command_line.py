"""The command line as people and scripts use it, on an engine in a process of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from luajobs_kit.cli.root import root

JOB = """
async def execute(job):
    user = await job.user()
    await user.send("hello from " + job.name)
    print("said hello")
    return {"ok": True}
"""


class Luajobs:
    """Runs ``luajobs`` on a workspace of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str, code: int = 0) -> str:
        """Run a command in this process."""
        with contextlib.chdir(self.folder):
            done = CliRunner().invoke(root, ["-w", str(self.folder / ".luajobs"), *words])
        assert done.exit_code == code, (done.output, done.exception)
        return done.output

    def process(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        """Run a command in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "luajobs_kit.cli", "-w", str(self.folder / ".luajobs"), *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            timeout=60,
            env={
                **{name: value for name, value in os.environ.items() if name != "LUAJOBS_HOME"},
                **(env or {}),
            },
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def json(self, *words: str):
        return json.loads(self(*words, "--json"))


@pytest.fixture
def luajobs(tmp_path):
    command = Luajobs(tmp_path)
    (tmp_path / "hello.py").write_text(JOB)
    yield command
    command("stop")


def test_a_file_becomes_a_job_that_is_listed_run_read_and_deleted(luajobs):
    first = luajobs.process("jobs", "list")
    assert f"No jobs yet in {luajobs.folder / '.luajobs'}" in first
    assert "A new workspace was made" in first
    assert "hello: created; it fires in" in luajobs.process(
        "jobs", "create", "hello.py", "--every", "3600"
    )
    assert "hello: unchanged" in luajobs("jobs", "create", "hello.py", "--every", "3600")
    listed = luajobs("jobs", "list")
    assert "hello" in listed
    assert "● active" in listed
    ran = luajobs.process("jobs", "trigger", "hello")
    assert "✓ completed" in ran
    assert '"ok": true' in ran
    logged = luajobs("logs", "--type", "job", "--name", "hello", "--limit", "10")
    assert "said hello" in logged
    assert "hello from hello" in luajobs("inbox")
    assert "every hour" in luajobs("jobs", "show", "hello")
    assert "inactive" in luajobs("jobs", "deactivate", "hello")
    assert "is active" in luajobs("jobs", "activate", "hello")
    [job] = luajobs.json("jobs", "list")
    assert job["lastExecution"]["status"] == "completed"
    assert "deleted" in luajobs("jobs", "delete", "hello", "--yes")
    assert luajobs.json("jobs", "list") == []


def test_mistakes_say_what_to_do_and_end_with_their_code(luajobs):
    assert "There is no job named 'nope'" in luajobs("jobs", "show", "nope", code=1)
    assert "Did you mean 'jobs'?" in luajobs("jbos", code=2)
    assert "hour" in luajobs("jobs", "create", "hello.py", "--cron", "0 25 * * *", code=1)
    assert "one of --every" in luajobs("jobs", "create", "hello.py", code=1)
    assert "no length of time" in luajobs("jobs", "create", "hello.py", "--every", "soon", code=1)
    luajobs("jobs", "create", "hello.py", "--every", "5m")
    assert "Did you mean 'hello'" in luajobs("logs", "--name", "helo", code=1)
    (luajobs.folder / "bad.py").write_text("async def execute(job):\n    return missing\n")
    refused = luajobs("jobs", "create", "bad.py", "--every", "60", code=1)
    assert "missing" in refused
    assert "line 2" in refused
    assert "Traceback" not in refused


def test_a_failing_job_shows_its_line_and_ends_with_one(luajobs):
    (luajobs.folder / "bad.py").write_text("async def execute(job):\n    return 1 / 0\n")
    luajobs("jobs", "create", "bad.py", "--in", "3600")
    ran = luajobs("jobs", "trigger", "bad", code=1)
    assert "ZeroDivisionError" in ran
    assert "line 2" in ran


def test_the_week_ahead_is_printed(luajobs):
    luajobs("jobs", "create", "hello.py", "--cron", "0 9 * * *")
    printed = luajobs("simulate", "--days", "3")
    assert "3 completed" in printed
    assert "3 messages" in printed
    luajobs("jobs", "create", "hello.py", "--name", "often", "--every", "30m")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert "… and 9 more that completed" in luajobs("simulate", "--until", tomorrow)
    assert luajobs("simulate", "--days", "1", "--all").count("✓ completed") == 48 + 1


def test_a_shell_completes_commands_and_the_names_of_jobs(luajobs):
    def after_tab(*words: str) -> str:
        asked = {"_LUAJOBS_COMPLETE": "bash_complete", "COMP_CWORD": str(len(words))}
        return luajobs.process(env=asked | {"COMP_WORDS": " ".join(["luajobs", *words])})

    assert after_tab("jobs", "tr") == "plain,trigger\n"
    in_folder = ("-w", str(luajobs.folder), "jobs", "show", "he")
    assert after_tab(*in_folder).strip() == ""
    assert not (luajobs.folder / ".luajobs").exists()  # a TAB makes and starts nothing
    luajobs("jobs", "create", "hello.py", "--every", "3600")
    assert after_tab(*in_folder) == "plain,hello\n"


def test_status_doctor_and_settings_answer(luajobs):
    assert "There is no workspace" in luajobs("status", code=3)
    assert "seccomp" in luajobs("doctor")
    assert str(luajobs.folder) in luajobs("status")
    assert '"max_concurrent": 3' in luajobs("settings", "max_concurrent=3")
    assert luajobs("settings", "max_concurrent").strip() == "3"
    assert "There is no setting 'no_such'" in luajobs("settings", "no_such=1", code=1)
    assert "Nothing fires" in luajobs("simulate")
    assert "has ended" in luajobs("stop")
    assert "No engine runs" in luajobs("status", code=3)  # and asking did not start one
    assert "No engine runs" in luajobs("stop")


def test_following_the_log_shows_new_lines_and_those_written_while_the_engine_was_lost(luajobs):
    luajobs("jobs", "create", "hello.py", "--every", "3600")
    follow = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "luajobs_kit.cli",
            "-w",
            str(luajobs.folder / ".luajobs"),
            "logs",
            "-f",
            "--json",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        luajobs("jobs", "trigger", "hello")
        luajobs("jobs", "trigger", "hello")
        line = json.loads(follow.stdout.readline())
        assert line["message"] == "said hello"
        follow.send_signal(signal.SIGSTOP)  # it sees neither the engine's end nor the next line
        os.kill(luajobs.json("status")["pid"], signal.SIGKILL)
        luajobs("jobs", "trigger", "hello")
        follow.send_signal(signal.SIGCONT)
        told = [json.loads(follow.stdout.readline())["seq"] for _ in range(2)]
        kept = luajobs.json("logs", "--type", "job")["logs"]
        assert told == [each["seq"] for each in kept[1::-1]]
    finally:
        follow.kill()
        follow.communicate()


def test_the_demo_runs_to_its_end_and_leaves_nothing_behind(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "luajobs_kit.cli", "demo", "--seconds", "7"],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert "Reminder: Team meeting in 10 minutes" in done.stdout
    assert "Catalog Value: $121.40" in done.stdout
    assert "followup_sent=True" in done.stdout
    assert "\x1b[" not in done.stdout  # plain lines where there is no terminal
    assert list(tmp_path.iterdir()) == []


def test_a_workspace_moves_to_another_folder_in_one_file(luajobs, tmp_path):
    luajobs("jobs", "create", "hello.py", "--every", "3600")
    (tmp_path / "all.zip").write_text("an older one")
    for name in ("all.json", "all.zip"):
        assert "was written" in luajobs("export", name)
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    (tmp_path / "there").mkdir()
    there = Luajobs(tmp_path / "there")
    try:
        assert "1 jobs" in there("import", "../all.json")
        assert "1 jobs" in there("import", "../all.zip")
        [job] = there.json("jobs", "list")
        assert (job["name"], job["status"]) == ("hello", "active")
        assert job["nextRunAt"]
        assert "no export" in there(
            "import", str(tmp_path / "there" / ".luajobs" / "engine.json"), code=1
        )
    finally:
        there("stop")
