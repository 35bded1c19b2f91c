"""Workspaces of earlier versions open whole; one of a later version is refused and not touched."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from luajobs_kit.acting_user import acting_as
from luajobs_kit.clock import VirtualClock
from luajobs_kit.engine import Engine
from luajobs_kit.errors import WorkspaceError
from luajobs_kit.model import LogQuery
from luajobs_kit.store.database import schema
from luajobs_kit.store.definitions import damaged_snapshot, recovery, snapshot
from luajobs_kit.store.definitions.disk import Disk

OF_0_1 = Path(__file__).parent / "workspace_of_0_1"  # made by make_workspace.py
LEFT_AT = datetime(2026, 3, 2, 8, 2, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path):
    copy = tmp_path / ".luajobs"
    shutil.copytree(OF_0_1, copy)
    return copy


def digests(folder: Path) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.name != "lock"  # says who opened it last
    }


async def test_a_workspace_of_0_1_opens_with_everything_in_it(folder):
    async with await Engine.open(folder, clock=VirtualClock(LEFT_AT)) as engine:
        jobs = {job.name: job for job in await engine.list_jobs(include_dynamic=True)}
        assert {
            name: (job.status, job.active_version.schedule.type) for name, job in jobs.items()
        } == {
            "report": ("active", "interval"),
            "failing": ("active", "cron"),
            "later": ("active", "once"),
            "off": ("inactive", "interval"),
            "nightly": ("active", "cron"),
        }
        report = jobs["report"]
        assert [version.version for version in report.versions] == ["1.0.0", "1.0.1"]
        first = report.versions[0].to_json()
        assert first.get("tools", first.get("powers")) == ["get_weather"]  # kept as `powers`
        assert (first["env"], first["metadata"]) == (["API_KEY"], {"topic": "rivers"})
        assert first["retry"]["maxAttempts"] == 1
        assert await engine.next_runs(report.id, 1) == [datetime(2026, 3, 2, 8, 3, tzinfo=UTC)]

        runs = (await engine.list_executions()).executions
        assert sorted((run.job_name, run.status) for run in runs) == [
            ("failing", "failed"),
            ("report", "completed"),
            ("report", "completed"),
        ]
        lines = (await engine.logs(LogQuery(grep="reporting rivers"))).logs
        assert len(lines) == 2
        settings = await engine.settings()
        assert settings["env"] == {"API_KEY": "a-secret"}
        assert settings["http_hosts"] == ["api.example"]
        with acting_as("user_ada"):
            assert (await engine.call("user.get", {}))["data"] == {"language": "français"}
            inbox = await engine.call("user.inbox", {})
        assert [message["content"] for message in inbox] == [
            [{"type": "text", "text": "The report is ready."}]
        ] * 2
        found = await engine.call("data.search", {"collection": "tickets", "searchText": "lamp"})
        assert "broken lamp" in str(found)
        assert "Lamp" in str(await engine.call("products.search", {"searchQuery": "lamp"}))


async def test_what_a_later_format_converts_is_kept_beside_as_it_was(folder, monkeypatch):
    before = (folder / "definitions.json").read_bytes()
    for module in (snapshot, damaged_snapshot, recovery):
        monkeypatch.setattr(module, "VERSION", 2)
    monkeypatch.setitem(recovery.MIGRATIONS, 1, lambda tables: tables)
    async with await Engine.open(folder, clock=VirtualClock(LEFT_AT)) as engine:
        assert len(await engine.list_jobs(include_dynamic=True)) == 5
        assert "migrated from format 1 to 2" in str(await engine.doctor())
    assert (folder / "definitions.json.format1-1").read_bytes() == before


async def test_a_workspace_of_0_1_goes_on_running_its_jobs(folder):
    clock = VirtualClock(LEFT_AT)
    async with await Engine.open(folder, clock=clock) as engine:
        await clock.advance(seconds=60)
        job = await engine.find_job("report")
        newest = (await engine.list_executions(job.id)).executions[0]
        ended = await engine.wait_execution(newest.id)
        assert (ended.fire_time, ended.status) == (
            datetime(2026, 3, 2, 8, 3, tzinfo=UTC),
            "completed",
        )


def _newer_definitions(folder: Path) -> None:
    path = folder / "definitions.json"
    kept = json.loads(path.read_bytes())
    with pytest.MonkeyPatch.context() as later:
        later.setattr(snapshot, "VERSION", snapshot.VERSION + 1)
        snapshot.write_snapshot(Disk(), path, kept["tables"], kept["commit"])


def _newer_history(folder: Path) -> None:
    with sqlite3.connect(folder / "history.db") as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()


@pytest.mark.parametrize("newer", [_newer_definitions, _newer_history])
async def test_a_workspace_of_a_later_version_is_refused_in_words_and_left_alone(folder, newer):
    newer(folder)
    before = digests(folder)
    with pytest.raises(
        WorkspaceError, match=r"written by a newer luajobs.*Nothing was changed\. Upgrade"
    ):
        await Engine.open(folder, clock=VirtualClock(LEFT_AT))
    assert digests(folder) == before
