"""A workspace goes elsewhere with its history in a zip file, and hostile files change nothing."""

import io
import json
import random
import stat
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from sample_records import JOB, USER, VERSION

from luajobs_kit.clock import SystemClock
from luajobs_kit.errors import Conflict, InvalidInput, StorageFull
from luajobs_kit.ids import Ids
from luajobs_kit.model import (
    Attempt,
    Entry,
    Execution,
    LogLine,
    LogQuery,
    LogSource,
    Message,
    TextPart,
)
from luajobs_kit.store import FireState, Put, Set, Store, export_archive, import_file
from luajobs_kit.store.transfer import zip_export

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
FIRE = FireState(job_id="job_1", armed_at=NOW, last_fire=NOW, skipped=3)


def run(number, **fields):
    given = {
        "id": f"exec_{number}",
        "job_id": "job_1",
        "job_name": "a",
        "version_id": "ver_1",
        "version": "1.0.0",
        "cause": "schedule",
        "status": "completed",
        "created_at": NOW + timedelta(seconds=number),
        "result": {"none": None, "half": "½"},
        "attempts": [Attempt(number=1, status="completed", started_at=NOW)],
    }
    return Execution(**given | fields)


def line(number, **source):
    return LogLine(
        timestamp=NOW + timedelta(seconds=number // 3),  # several at one moment
        message=f"line {number} Ünïcode\nof two",
        metadata=LogSource(primitive_id="job_1", execution_id=f"exec_{number}", **source),
    )


def message(number):
    parts = [TextPart(text=f"message {number}")]
    return Message(id=f"msg_{number}", user_id="u", content=parts, created_at=NOW)


def entry(number):
    data = {"n": number, "half of a pair": "\ud800", "none": None}
    return Entry(id=f"entry_{number}", collection="c", data=data, created_at=NOW, updated_at=NOW)


def store(folder=None):
    return Store.open(folder, clock=SystemClock(), ids=Ids())


async def fill(target):
    await target.definitions.commit(Put(JOB), Put(VERSION), Put(USER), Set("a", {"b": None}))
    await target.history.set_fire(FIRE)
    await target.entries.restore([entry(n) for n in range(3)])
    for number in range(5):
        await target.history.claim(run(number), None)
        await target.history.add_message(message(number))
    for number in range(20):
        target.history.write_log(line(number))


async def content(of):
    """Everything a reader can see, but for the numbers of log lines."""
    pages = await of.history.logs(LogQuery(limit=100))
    executions = await of.history.executions(limit=100)
    return {
        "jobs": of.definitions.jobs(),
        "versions": of.definitions.versions("job_1"),
        "users": of.definitions.users(),
        "settings": of.definitions.settings(),
        "fires": await of.history.fires(),
        "entries": await of.entries.everything(),
        "executions": executions.executions,
        "messages": await of.history.messages(),
        "logs": [each.evolve(seq=0) for each in pages.logs],
        "total": pages.pagination.total_count,
    }


@pytest.fixture
async def exported(tmp_path):
    async with await store() as source:
        await fill(source)
        path = tmp_path / "all.zip"
        counts = await export_archive(source, path)
        assert counts == {
            "jobs": 1,
            "versions": 1,
            "users": 1,
            "settings": 1,
            "fires": 1,
            "entries": 3,
            "executions": 5,
            "messages": 5,
            "logs": 20,
        }
        return path, await content(source)


async def test_everything_is_there_after_the_import_and_once_after_another(exported, tmp_path):
    path, expected = exported
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    async with await store(tmp_path / "target") as target:
        counts = await import_file(target, path, bool)
        assert (counts["executions"], counts["messages"], counts["logs"]) == (5, 5, 20)
        assert await content(target) == expected
        counts = await import_file(target, path, bool)
        assert (counts["executions"], counts["messages"], counts["logs"]) == (0, 0, 0)
        assert await content(target) == expected
        again = tmp_path / "again.zip"
        await export_archive(target, again)
    async with await store() as last:
        await import_file(last, again, bool)
        assert await content(last) == expected


async def test_history_from_elsewhere_is_older_than_what_is_here_and_is_searched(
    exported, tmp_path
):
    async with await store(tmp_path / "target") as target:
        later = FIRE.evolve(last_fire=NOW + timedelta(days=1))
        await target.history.set_fire(later)
        await target.history.claim(run(1, result="mine"), None)
        cursor = target.history.write_log(line(100)).seq
        await import_file(target, exported[0], bool)
        assert await target.history.fire("job_1") == later
        assert (await target.history.execution("exec_1")).result == "mine"
        assert (await target.history.executions()).total == 5
        page = await target.history.logs(LogQuery(limit=100))
        assert [each.message.split()[1] for each in page.logs] == [
            "100",
            *map(str, range(19, -1, -1)),
        ]
        assert (await target.history.logs(LogQuery(after=cursor))).logs == []
        [found] = (await target.history.logs(LogQuery(grep="Ünïcode 17"))).logs
        assert found.message == line(17).message
        assert target.history.write_log(line(101)).seq == cursor + 1


async def test_what_had_not_finished_ends_here_since_it_goes_on_where_it_came_from(tmp_path):
    async with await store() as source:
        await source.history.claim(run(1, status="running"), FIRE)
        await source.history.claim(run(2, status="pending", next_attempt_at=NOW), FIRE)
        await export_archive(source, tmp_path / "all.zip")
    async with await store() as target:
        await import_file(target, tmp_path / "all.zip", bool)
        assert await target.history.unfinished() == []
        found = (await target.history.executions()).executions
        assert {(each.status, each.error.type) for each in found} == {("abandoned", "Abandoned")}


async def test_an_import_that_was_cut_short_is_completed_by_the_next(
    exported, tmp_path, monkeypatch
):
    path, expected = exported
    async with await store(tmp_path / "target") as target:
        with monkeypatch.context() as broken:
            broken.setattr(zip_export.Declared, "keep_definitions", no_room)
            with pytest.raises(StorageFull):
                await import_file(target, path, bool)
        await import_file(target, path, bool)
        assert await content(target) == expected


async def no_room(self, target, now):
    raise StorageFull("no room")


async def test_nothing_is_overwritten_by_an_export_and_nothing_is_left_of_a_failed_one(tmp_path):
    async with await store() as source:
        (tmp_path / "there.zip").write_text("mine")
        with pytest.raises(InvalidInput, match="there already"):
            await export_archive(source, tmp_path / "there.zip")
        assert (tmp_path / "there.zip").read_text() == "mine"
        with pytest.raises(InvalidInput, match=r"a \.zip file"):
            await export_archive(source, tmp_path / "there.json")
        await source.database.write(
            lambda db: db.execute("INSERT INTO fires VALUES ('j', 0, 0, 'no state', 0, NULL, 0)")
        )
        with pytest.raises(ValueError, match="state"):
            await export_archive(source, tmp_path / "new.zip")
        assert [each.name for each in tmp_path.iterdir()] == ["there.zip"]


def changed(path, member, change):
    """Write the archive again with one member's text changed (None: left out)."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name).decode() for name in old.namelist()}
    members[member] = change(members.get(member, ""))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, text in members.items():
            if text is not None:
                new.writestr(name, text)


def last_line(change):
    return lambda text: "".join(text.splitlines(keepends=True)[:-1]) + change


HUGE = json.dumps(line(1, attempt=2**70).to_json())
HOSTILE = {
    "a path": ("../../escaped", lambda _: "x", "not known"),
    "an absolute path": ("/escaped", lambda _: "x", "not known"),
    "a member that is missing": ("logs.jsonl", lambda _: None, "missing"),
    "a format of somebody else": ("about.json", lambda _: "{}", "another"),
    "a newer format": (
        "about.json",
        lambda text: text.replace('"version":1', '"version":2'),
        "newer luajobs-kit",
    ),
    "a last line cut short": ("logs.jsonl", lambda text: text[:-9], r"logs\.jsonl, line 20"),
    "a wrong type at the end": ("executions.jsonl", last_line('{"id":3}\n'), "executions, line 5"),
    "a number no database holds": ("logs.jsonl", last_line(HUGE), "logs, line 20"),
    "no number": ("entries.jsonl", last_line('{"data":{"n":NaN}}'), "NaN"),
    "endless nesting": ("messages.jsonl", last_line("[" * 200_000), "messages"),
    "a list": ("fires.jsonl", lambda _: "[]\n", "not a JSON object"),
    "two jobs that are one": (
        "jobs.jsonl",
        lambda text: text + text.replace("job_1", "job_2"),
        "already",
    ),
    "an about too large": ("about.json", lambda text: text + " " * 2**17, "more than it may"),
    "a line too long": ("logs.jsonl", last_line('{"a":"' + "a" * 2**24 + '"}'), "longer than"),
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_damaged_or_hostile_file_is_refused_and_nothing_is_changed(
    exported, tmp_path, kind
):
    path, _ = exported
    member, change, words = HOSTILE[kind]
    changed(path, member, change)
    async with await store() as target:
        before = await content(target)
        with pytest.raises((InvalidInput, Conflict), match=words):
            await import_file(target, path, bool)
        assert await content(target) == before
    assert not (tmp_path / "escaped").exists()


async def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, exported):
    path, _ = exported
    # Ten members claim what they like: the size that is declared is all that is looked at.
    raw = bytearray(path.read_bytes())
    place = raw.index(b"PK\x01\x02")
    raw[place + 24 : place + 28] = (2**31).to_bytes(4, "little")
    path.write_bytes(raw)
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as bomb:
        for number in range(1000):
            bomb.writestr(f"{number}.jsonl", "")
    (tmp_path / "many.zip").write_bytes(many.getvalue())
    (tmp_path / "text.zip").write_text("no zip" * 20)
    (tmp_path / "empty.zip").write_text("")
    async with await store() as target:
        for name in ("all.zip", "many.zip", "text.zip", "empty.zip"):
            with pytest.raises(InvalidInput, match="no export"):
                await import_file(target, tmp_path / name, bool)
        with pytest.raises(InvalidInput, match="whole path"):
            await import_file(target, path.relative_to(tmp_path), bool)


async def test_of_a_newer_kit_is_said_before_all_else(exported, tmp_path):
    path, _ = exported
    changed(path, "about.json", lambda text: text.replace('"version":1', '"version":2'))
    changed(path, "holidays.jsonl", lambda _: "{}")
    async with await store() as target:
        with pytest.raises(InvalidInput, match="newer luajobs-kit"):
            await import_file(target, path, bool)


async def test_an_import_larger_than_the_free_room_is_refused(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(
        zip_export.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000})
    )
    async with await store(tmp_path / "target") as target:
        with pytest.raises(StorageFull, match="free some disk space"):
            await import_file(target, exported[0], bool)
        assert target.definitions.jobs() == []


async def test_bytes_changed_anywhere_are_refused_or_do_no_harm(exported, tmp_path):
    """Files with a few bytes changed, some cut off: an import or ``InvalidInput``, never else."""
    path, expected = exported
    whole = path.read_bytes()
    chance = random.Random(4)
    refused = 0
    for _ in range(100):
        raw = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        (tmp_path / "some.zip").write_bytes(
            raw[: chance.choice([len(raw), chance.randrange(len(raw))])]
        )
        async with await store() as target:
            try:
                await import_file(target, tmp_path / "some.zip", bool)
            except InvalidInput:
                refused += 1
                assert target.definitions.jobs() == []
                assert (await target.history.executions()).total == 0
            else:
                assert await content(target) == expected
    assert refused > 30
