"""The command line's manners, asked in this process: quick, and one engine serves them all."""

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
