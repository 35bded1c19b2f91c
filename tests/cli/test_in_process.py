"""The command line's manners, asked in this process: quick, and one engine serves them all."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from luajobs_kit import Workspace, every
from luajobs_kit.cli import main
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
    asked("jobs", "list")  # the first command also says that it made the workspace
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


def test_files_and_json_with_a_byte_order_mark_are_read(asked, tmp_path):
    file = tmp_path / "marked.py"
    file.write_text("async def execute(job):\n    return 1\n", encoding="utf-8-sig")
    made = asked("jobs", "create", str(file), "--every", "1h", "--metadata", '\ufeff{"a": 1}')
    assert "marked: created" in made
    export = tmp_path / "export.json"
    asked("export", str(export))
    export.write_text(export.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert "1 jobs" in asked("import", str(export))
    asked("jobs", "delete", "marked", "--yes", "--force")


def test_a_name_that_is_not_seen_or_written_as_an_id_is_refused(asked, tmp_path):
    file = tmp_path / "job.py"
    file.write_text("async def execute(job):\n    return 1\n")
    for name, words in {
        "a\u202eb": "RIGHT-TO-LEFT OVERRIDE",
        "job_01JF2Q8W3N6T4E5R7Y9K0M1P2S": "is written as an id",
    }.items():
        refused = asked("jobs", "create", str(file), "--name", name, "--every", "1h", code=1)
        assert words in refused


def test_a_job_that_was_hidden_for_its_versions_can_be_deleted_as_the_answer_says(asked, hourly):
    hourly("hidden", 1)
    job_id = hourly("hidden", 2).rpartition("(")[2].strip(")\n")
    assert f"luajobs jobs delete {job_id} --force" in asked("jobs", "delete", "hidden", "--yes")
    assert "kept hidden; --force" in asked("jobs", "delete", job_id, "--yes", code=1)
    assert "hidden was deleted" in asked("jobs", "delete", job_id, "--yes", "--force")
    assert "hidden" not in asked("jobs", "list", "--all")


def test_what_runs_and_waits_of_a_job_is_cancelled_by_its_name_or_by_the_run(asked, tmp_path):
    file = tmp_path / "slow.py"
    file.write_text("import asyncio\n\nasync def execute(job):\n    await asyncio.sleep(60)\n")
    asked("jobs", "create", str(file), "--every", "1h")
    assert "Nothing of slow runs or waits." in asked("jobs", "cancel", "slow")
    runs = [
        json.loads(asked("jobs", "trigger", "slow", "--no-wait", "--json"))["id"] for _ in range(3)
    ]
    one = asked("jobs", "cancel", "slow", "--execution", runs[0])
    assert f"{runs[0]} of slow is cancelled." in one
    assert "is cancelled already" in asked("jobs", "cancel", "slow", "--execution", runs[0])
    assert "slow: 2 cancelled (" in (all_of_it := asked("jobs", "cancel", "slow"))
    assert "Its next fire is in" in all_of_it
    history = json.loads(asked("jobs", "history", "slow", "--json"))["executions"]
    assert {run["status"] for run in history} == {"cancelled"}


def test_a_run_that_told_its_progress_says_so_with_its_outcome(asked, tmp_path):
    file = tmp_path / "pages.py"
    file.write_text(
        "async def execute(job):\n    await job.progress(3, 10, 'pages read')\n    1 / 0\n"
    )
    asked("jobs", "create", str(file), "--every", "1h")
    said = asked("jobs", "trigger", "pages", code=1)
    assert "3 of 10 · pages read" in said
    run = json.loads(asked("jobs", "history", "pages", "--json"))["executions"][0]
    assert run["progress"]["total"] == 10


def test_what_a_query_means_is_listed_switched_run_and_deleted_at_once(asked, hourly):
    for name in ("q-one", "q-two", "q-three", "q-four"):
        hourly(name)
    assert "q-two" in asked("jobs", "list", "--where", "name:q-t*")
    assert "None of" in asked("jobs", "list", "--where", "name:q-x*")
    said = asked("jobs", "deactivate", "--where", "q-", typed="n\n", code=1)
    assert "Deactivate 4 jobs (q-one, q-two, q-three and 1 more)?" in said
    assert "inactive" not in asked("jobs", "list", "--where", "q-")
    assert asked("jobs", "deactivate", "--where", "q-t", "--yes").count(" is inactive") == 2
    listed = json.loads(asked("jobs", "list", "--where", "q- status:inactive", "--json"))
    assert [job["name"] for job in listed] == ["q-two", "q-three"]
    runs = json.loads(asked("jobs", "trigger", "--where", "q-t", "--yes", "--json"))
    assert [run["status"] for run in runs] == ["completed", "completed"]
    assert asked("jobs", "activate", "--where", "q-", "--yes").count(" is active") == 4
    assert "Nothing of q-one runs" in asked("jobs", "cancel", "--where", "q-", "--yes")
    assert asked("jobs", "delete", "--where", "q-", "--yes").count("deleted") == 4
    assert "No job is meant by 'q-'" in asked("jobs", "delete", "--where", "q-", "--yes", code=1)


def test_a_query_that_cannot_be_read_is_told_with_its_place_and_does_nothing(asked, hourly):
    hourly("spared")
    for command in (["list"], ["delete", "--yes"], ["deactivate", "--yes"]):
        said = asked("jobs", *command, "--where", "spared statsu:active", code=1)
        assert "at character 8" in said
        assert "Did you mean 'status'?" in said
    assert "active" in asked("jobs", "list", "--where", "spared")


@pytest.mark.parametrize("given", [[], ["spared", "--where", "spared"]])
def test_a_command_wants_one_job_or_a_query(asked, given):
    assert "Name one JOB, or say which ones" in asked("jobs", "activate", *given, code=2)


def test_trigger_waits_through_retries_and_exits_by_the_outcome(asked):
    async def second(job):
        assert job.execution.attempt == 2

    async def make():
        async with Workspace(asked.folder) as workspace:
            await workspace.jobs.create(
                name="second", schedule=every(hours=1), execute=second, retry={"max_attempts": 1}
            )

    asyncio.run(make())
    assert "second  ✓ completed" in asked("jobs", "trigger", "second")


def test_what_failed_for_good_is_listed_and_run_again_with_other_metadata(asked, tmp_path):
    file = tmp_path / "divides.py"
    file.write_text("async def execute(job):\n    return 1 / job.metadata['by']\n")
    asked("jobs", "create", str(file), "--every", "1h", "--metadata", '{"by": 0}')
    for _ in range(2):
        asked("jobs", "trigger", "divides", code=1)
    listed = [
        each
        for each in json.loads(asked("jobs", "failed", "--json"))
        if each["jobName"] == "divides"
    ]
    assert "ZeroDivisionError" in asked("jobs", "failed")
    ids = [each["id"] for each in listed]
    asked("jobs", "rerun", *ids, code=1)  # as they were
    runs = json.loads(asked("jobs", "rerun", *ids, "--metadata", '{"by": 2}', "--json"))
    assert [(run["result"], run["rerunOf"]) for run in runs] == [(0.5, ids[0]), (0.5, ids[1])]
    assert f"rerun of {ids[0]}" in asked("jobs", "rerun", ids[0], "--metadata", '{"by": 4}')
    assert "There is no execution" in asked("jobs", "rerun", ids[0], "exec_none", code=1)
    assert "--metadata" in asked("jobs", "rerun", ids[0], "--metadata", "[1]", code=1)


def test_a_run_of_another_job_is_not_cancelled_by_this_one_s_name(asked, hourly):
    hourly("mine")
    hourly("other")
    run = json.loads(asked("jobs", "trigger", "other", "--json"))["id"]
    refused = asked("jobs", "cancel", "mine", "--execution", run, code=1)
    assert "is a run of other, not of mine" in refused


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


def test_values_of_env_are_set_one_by_one_and_shown_nowhere(asked):
    shown = asked("settings", 'env={"FIRST": "sk-first"}')
    shown += asked("settings", "env.SECOND=1234567", "env.THIRD=sk-third")
    shown += asked("settings", "--unset", "env.THIRD") + asked("settings", "max_concurrent=8")
    assert json.loads(asked("settings", "env")) == {"FIRST": "•••", "SECOND": "•••"}
    assert not any(secret in shown for secret in ("sk-first", "1234567", "sk-third"))
    refused = asked("settings", 'env={"FIRST": "•••"}', code=1)
    assert "give the value itself" in refused
    refused = asked("settings", 'env={"FIRST": ["sk-first"]}', code=1)
    assert "sk-first" not in refused


def test_a_value_of_env_is_read_from_a_pipe_and_its_name_says_whether_it_is_set(asked):
    assert json.loads(asked("settings", "env.PIPED")) == "not set"
    shown = asked("settings", "env.PIPED=", typed="sk-piped\n")
    assert "sk-piped" not in shown
    assert json.loads(asked("settings", "env.PIPED")) == "set"
    refused = asked("settings", "env.PIPED=", typed="\n", code=1)
    assert "No value was given for env.PIPED; --unset env.PIPED removes it." in refused
    asked("settings", "--unset", "env.PIPED")
    assert json.loads(asked("settings", "env.PIPED")) == "not set"
    assert "env.PIPED is not set" in asked("settings", "--unset", "env.PIPED", code=1)


def test_hosts_are_allowed_and_forbidden_one_by_one(asked):
    asked("settings", "http_hosts+=a.org", "http_hosts+=*.b.org")
    asked("settings", 'http_hosts+=["c.org", "a.org"]')
    assert json.loads(asked("settings", "http_hosts")) == ["a.org", "*.b.org", "c.org"]
    asked("settings", "http_hosts-=a.org")
    assert json.loads(asked("settings", "http_hosts")) == ["*.b.org", "c.org"]
    refused = asked("settings", "http_hosts-=d.org", code=1)
    assert "http_hosts has no 'd.org'; Did you mean 'c.org'? it has *.b.org, c.org." in refused
    refused = asked("settings", "http_hosts+=https://api.d.org/v1", code=1)
    assert "write api.d.org." in refused
    assert "max_concurrent is no list" in asked("settings", "max_concurrent+=1", code=1)
    assert json.loads(asked("settings", "http_hosts")) == ["*.b.org", "c.org"]
    asked("settings", "--unset", "http_hosts")
    assert json.loads(asked("settings", "http_hosts")) == []


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


@pytest.mark.parametrize("url", ["https://127.0.0.1:99999", "https://[::1", "https://é:1"])
def test_joining_what_is_no_address_is_refused_in_one_line(tmp_path, url):
    refused = Asked(tmp_path / ".luajobs")("join", url, typed="token\n", code=1)
    assert "is no address of an engine" in refused


def test_joining_with_what_is_no_token_is_refused_in_one_line(tmp_path):
    here = Asked(tmp_path / ".luajobs")
    assert "The token is none" in here("join", "https://127.0.0.1:1", typed="é\n", code=1)


def test_what_is_no_file_of_ours_is_refused_in_one_line(asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000)
    assert "nested too deeply" in asked("import", "deep.json", code=1)
    skill = tmp_path / "lua.skill.yaml"
    skill.write_bytes(b"\xff")
    assert "was not written by luajobs" in asked("lua-env", code=1)
    skill.unlink()
    skill.mkdir()
    assert "was not written by luajobs" in asked("lua-env", code=1)


def test_a_file_that_cannot_be_written_is_named_in_one_line(asked, tmp_path, monkeypatch, capsys):
    file = tmp_path / "none" / "x.json"
    monkeypatch.setattr(sys, "argv", ["luajobs", "-w", str(asked.folder), "export", str(file)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    assert capsys.readouterr().err == f"luajobs: {file}: No such file or directory\n"


def test_a_terminal_without_our_signs_shows_a_question_mark_instead(asked, hourly):
    hourly("plain")
    words = [sys.executable, "-m", "luajobs_kit.cli", "-w", str(asked.folder), "jobs", "list"]
    narrow = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    shown = subprocess.run(words, check=True, capture_output=True, env=narrow)
    assert b"? active" in shown.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has it")
def test_a_full_disk_behind_the_output_is_told_in_one_line():
    with Path("/dev/full").open("w") as full:
        words = [sys.executable, "-m", "luajobs_kit.cli", "--help"]
        told = subprocess.run(words, check=False, stdout=full, stderr=subprocess.PIPE)
    assert (told.returncode, told.stderr) == (1, b"luajobs: No space left on device\n")


def test_a_join_that_fails_leaves_nothing_behind(tmp_path):
    certificate = tmp_path / "theirs.pem"
    certificate.write_text("no certificate")
    words = ["join", "https://127.0.0.1:1"]
    here = Asked(tmp_path / "here" / ".luajobs")
    assert "cannot be reached" in here(*words, typed="token\n", code=3)
    refused = here(*words, "--tls-cert", str(certificate), typed="token\n", code=1)
    assert "This is no certificate" in refused
    assert not here.folder.parent.exists()


def test_a_user_without_an_id_is_refused(asked):
    assert "needs an ID" in asked("users", "add", "", code=1)
    assert "needs an ID" in asked("users", "add", " ", code=1)
    assert asked("users", "add", "ada") == "ada was added.\n"


@pytest.mark.parametrize("page", ["0", "-1"])
def test_a_page_of_the_log_that_cannot_be_is_refused(tmp_path, page):
    assert "x>=1" in Asked(tmp_path / ".luajobs")("logs", "--page", page, code=2)


def test_what_job_code_can_import_is_listed_for_programs():
    found = json.loads(CliRunner().invoke(root, ["world", "--json"]).output)
    assert "DictReader" in found["modules"]["csv"]
    assert "env" in found["everywhere"]
    assert "PurePath" in found["instead"]["members"]["os.path"]
    one = json.loads(CliRunner().invoke(root, ["world", "csv", "--json"]).output)
    assert one == {"modules": {"csv": found["modules"]["csv"]}}
    lacking = CliRunner().invoke(root, ["world", "os.path"])
    assert lacking.exit_code == 1
    assert "PurePath" in lacking.output
