"""The command line's manners, asked in this process: quick, and one engine serves them all."""

import json
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from luajobs_kit.cli.root import root


class Asked:
    """Runs commands on one workspace."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, *words, code=0, typed=None):
        done = CliRunner().invoke(root, ["-w", str(self.folder), *words], input=typed)
        assert done.exit_code == code, (done.output, done.exception)
        return done.output


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Commands on a workspace that the tests of this module share: each uses names of its own."""
    asked = Asked(tmp_path_factory.mktemp("shared") / ".luajobs")
    yield asked
    asked("stop")


@pytest.fixture
def hourly(asked, tmp_path):
    """Make a job of that name that returns a number."""

    def make(name, number=1):
        file = tmp_path / "hourly.py"
        file.write_text(f"async def execute(job):\n    return {number}\n")
        return asked("jobs", "create", str(file), "--name", name, "--every", "1h")

    return make


def test_a_job_that_was_hidden_for_its_versions_can_be_deleted_as_the_answer_says(asked, hourly):
    hourly("hidden", 1)
    job_id = hourly("hidden", 2).rpartition("(")[2].strip(")\n")
    assert f"luajobs jobs delete {job_id} --force" in asked("jobs", "delete", "hidden", "--yes")
    assert "kept hidden; --force" in asked("jobs", "delete", job_id, "--yes", code=1)
    assert "hidden was deleted" in asked("jobs", "delete", job_id, "--yes", "--force")
    assert "hidden" not in asked("jobs", "list", "--all")


def test_one_ctrl_c_at_the_question_whether_to_delete_ends_the_command_as_interrupted(
    asked, hourly
):
    hourly("kept")
    words = [sys.executable, "-m", "luajobs_kit.cli", "-w", str(asked.folder)]
    deleting = subprocess.Popen(
        [*words, "jobs", "delete", "kept"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert deleting.stdout.read(6) == b"Delete"
    deleting.stdout.read(len(" kept (job_"))
    deleting.send_signal(signal.SIGINT)
    _, told = deleting.communicate(timeout=30)
    assert (deleting.returncode, told) == (130, b"Aborted!\n")
    assert "kept" in asked("jobs", "list")


def test_settings_are_changed_or_asked_for_and_never_left_out_without_a_word(asked):
    before = asked("settings", "max_concurrent")
    assert "Either change" in asked("settings", "max_concurrent=9", "python", code=2)
    assert asked("settings", "max_concurrent") == before
    assert set(json.loads(asked("settings", "max_concurrent", "agent_id"))) == {
        "max_concurrent",
        "agent_id",
    }
    assert "no setting 'x'" in asked("settings", "agent_id", "x", code=1)


def test_status_tells_a_script_that_no_engine_runs_where_no_workspace_is_either(tmp_path):
    assert "no workspace" in Asked(tmp_path / "none" / ".luajobs")("status", code=3)
    assert not (tmp_path / "none").exists()


def test_a_port_that_cannot_be_is_refused_and_no_other_taken(tmp_path):
    nowhere = Asked(tmp_path / ".luajobs")
    for port in ("99999", "-1"):
        assert "0<=x<=65535" in nowhere("serve", "--port", port, code=2)
