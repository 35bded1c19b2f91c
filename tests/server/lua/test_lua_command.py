"""The real ``lua`` command and the ``lua-cli`` package against this engine (make test-lua)."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from luajobs_kit.client.lua_env import prepare
from luajobs_kit.errors import Conflict
from luajobs_kit.model import Bundle, CronSchedule, JobSpec, VersionSpec

VERSION = "3.37.0"
NODE = shutil.which("node") and shutil.which("npm")

pytestmark = [
    pytest.mark.lua,
    pytest.mark.skipif(not NODE, reason="node and npm are not installed here"),
]

SCRIPT = """
import { Jobs, User, Data, Products } from 'lua-cli';
const told = {};
const jobs = await Jobs.getAll({ includeDynamic: true });
told.jobs = jobs.map((job) => job.name);
told.predefined = (await Jobs.getAll()).length;
const job = await Jobs.getJob(jobs[0].id);
told.schedule = job.activeVersion.schedule;
await job.updateMetadata({ seen: true });
told.metadata = (await Jobs.getJob(job.id)).metadata;
const execution = await job.trigger();
told.status = execution.status;
await job.deactivate();
told.active = (await Jobs.getJob(job.id)).data.active;
await job.activate();

const user = await User.get();
await user.update({ city: 'Ghent' });
told.city = (await User.get()).city;
told.profile = user._luaProfile.userId;
await user.send([{ type: 'text', text: 'from node' }]);
told.history = (await user.getChatHistory()).map((message) => message.content[0].text);
told.nobody = await User.get({ email: 'nobody@example.org' });

const ticket = await Data.create('tickets', { title: 'Lamp', n: 1 }, 'a broken lamp');
told.title = ticket.title;
await Data.update('tickets', ticket.id, { n: 2 });
const page = await Data.get('tickets', { n: { $gte: 2 } }, 1, 10);
told.found = page.data.map((entry) => [entry.data.title, entry.data.n]);
told.count = page.pagination.totalCount;
told.score = (await Data.search('tickets', 'lamp', 3))[0].score;
await Data.delete('tickets', ticket.id);

const product = await Products.create({ name: 'Chair', price: 10 });
await product.update({ price: 12 });
told.price = (await Products.getById(product.id)).price;
told.products = (await Products.get(1, 100)).map((each) => each.name);
told.search = (await Products.search('chair')).map((each) => each.name);
await product.delete();

try {
  await Jobs.create({
    name: 'js', schedule: { type: 'interval', seconds: 60 }, execute: async (job) => 1,
  });
} catch (error) { told.refused = error.message; }
console.log('TOLD ' + JSON.stringify(told));
process.exit(0);
"""


@pytest.fixture(scope="session")
def lua_cli(request) -> Path:
    """The folder lua-cli is installed in, kept between runs."""
    folder = Path(request.config.cache.mkdir(f"lua-cli-{VERSION}"))
    if not (folder / "node_modules" / ".bin" / "lua").exists():
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        subprocess.run(
            ["npm", "install", f"lua-cli@{VERSION}", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=600,
        )
    return folder


@pytest.fixture
async def job(port, agent):
    spec = JobSpec(
        name="report",
        schedule=CronSchedule(expression="0 8 * * 1", timezone="Europe/Brussels"),
        bundle=Bundle(
            source="async def execute(job):\n    print('hello from Python')\n    return {'n': 1}\n",
            entry="execute",
        ),
    )
    return await port.create_job(spec)


@pytest.fixture
async def lua(lua_cli, job, port, tmp_path):
    """Run a program in a folder with lua.skill.yaml, as a person would."""
    env = await prepare(port, tmp_path)
    variables = os.environ | {
        "LUA_API_URL": env.url,
        "LUA_API_KEY": env.key,
        "LUA_TELEMETRY": "false",
        "LUA_NO_HINTS": "1",
        "HOME": str(tmp_path),
        "NO_COLOR": "1",
        "CI": "1",
    }

    async def run(*arguments: str, program: str | None = None) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *(program or str(lua_cli / "node_modules" / ".bin" / "lua"), *arguments),
            cwd=tmp_path,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(process.communicate(), 120)
        return process.returncode, said.decode()

    return run


async def test_lua_jobs_works_on_our_jobs(lua, port, job):
    version = job.active_version
    await port.push_version(job.id, VersionSpec(schedule=version.schedule, bundle=version.bundle))

    status, said = await lua("jobs", "view")
    assert (status, job.id in said) == (0, True), said
    assert "Cron: 0 8 * * 1 (Europe/Brussels)" in said
    status, said = await lua("jobs", "versions", "-i", "report")
    assert status == 0, said
    status, said = await lua("jobs", "trigger", "-i", "report")
    assert (status, "Execution ID: exec_" in said) == (0, True), said
    newest = (await port.list_executions(job.id)).executions[0]
    await port.wait_execution(newest.id)
    status, said = await lua("jobs", "history", "-i", "report")
    assert (status, "COMPLETED" in said, newest.id in said) == (0, True, True), said
    assert '{"n":1}' in said

    assert (await lua("jobs", "deactivate", "-i", "report"))[0] == 0
    assert (await port.get_job(job.id)).active is False
    assert (await lua("jobs", "activate", "-i", "report"))[0] == 0
    assert (await port.get_job(job.id)).active is True
    assert (await lua("jobs", "deploy", "-i", "report", "-v", "latest"))[0] == 0
    assert (await port.get_job(job.id)).active_version.version == "1.0.1"
    status, said = await lua("jobs", "delete", "-i", "report")
    assert (status, "deactivated" in said) == (0, True), said
    assert await port.list_jobs(include_dynamic=True) == []
    assert [one.id for one in await port.list_jobs(include_dynamic=True, include_deleted=True)] == [
        job.id
    ]


async def test_lua_logs_shows_what_our_jobs_print(lua, port, job):
    execution = await port.trigger_job(job.id)
    await port.wait_execution(execution.id)
    asked = ("logs", "--type", "job", "--name", "report", "--limit", "10")
    status, said = await lua(*asked)
    assert (status, "hello from Python" in said) == (0, True), said
    status, said = await lua(*asked, "--json")
    assert status == 0, said
    told = json.loads(said[said.index("{") : said.rindex("}") + 1])
    assert [line["message"] for line in told["logs"]] == ["hello from Python"]
    assert told["pagination"]["totalCount"] == 1


async def test_the_lua_cli_package_works_from_a_node_script(lua, lua_cli, job, tmp_path):
    (tmp_path / "node_modules").symlink_to(lua_cli / "node_modules")
    (tmp_path / "script.mjs").write_text(SCRIPT)
    status, said = await lua("script.mjs", program="node")
    assert "TOLD " in said, said
    told = json.loads(said.partition("TOLD ")[2].splitlines()[0])

    assert (told["jobs"], told["predefined"]) == (["report"], 0)
    assert told["schedule"]["expression"] == "0 8 * * 1"
    assert told["metadata"] == {"seen": True}
    assert told["status"] in {"pending", "running"}
    assert told["active"] is False
    assert (told["city"], told["history"], told["nobody"]) == ("Ghent", ["from node"], None)
    assert told["profile"].startswith("user_")
    assert (told["title"], told["found"], told["count"]) == ("Lamp", [["Lamp", 2]], 1)
    assert told["score"] > 0.6
    assert (told["price"], "Chair" in told["products"]) == (12, True)
    assert "Chair" in told["search"]
    assert "Python" in told["refused"]
    assert status == 0


async def test_a_lua_skill_yaml_of_somebodys_own_is_not_overwritten(port, agent, tmp_path):
    file = tmp_path / "lua.skill.yaml"
    file.write_text("agent:\n  agentId: mine\n")
    with pytest.raises(Conflict, match="another folder"):
        await prepare(port, tmp_path)
    assert "mine" in file.read_text()
