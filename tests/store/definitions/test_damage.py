"""Damage in the definitions: they open whatever it is, and what is lost is reported."""

import shutil
from datetime import UTC, datetime

import pytest

from luajobs_kit.clock import SystemClock
from luajobs_kit.ids import Ids
from luajobs_kit.model import Bundle, IntervalSchedule, JobRecord, JobVersion, Profile, UserRecord
from luajobs_kit.store import Definitions, Put, Remove, Set, Store
from luajobs_kit.store.definitions.disk import Disk
from luajobs_kit.store.definitions.journal_format import Change, encode_commit

SNAPSHOT, JOURNAL = "definitions.json", "definitions.journal"
TIMES = {
    "created_at": datetime(2026, 3, 2, 8, tzinfo=UTC),
    "updated_at": datetime(2026, 3, 2, 9, tzinfo=UTC),
}


class QuickDisk(Disk):
    """Nobody pulls the plug here."""

    def sync(self, descriptor):
        pass

    def sync_folder(self, folder):
        pass


def job(name):
    return JobRecord(id=f"job_{name}", name=name, active_version_id=f"ver_{name}", **TIMES)


def version(name):
    return JobVersion(
        id=f"ver_{name}",
        job_id=f"job_{name}",
        name=name,
        version="1.0.0",
        schedule=IntervalSchedule(seconds=60),
        bundle=Bundle(source="async def run(job): pass", entry="run"),
        **TIMES,
    )


def user(name):
    return UserRecord(id=f"user_{name}", profile=Profile(user_id=f"user_{name}"), **TIMES)


def opened(folder):
    return Definitions(folder, fsync=False, disk=QuickDisk())


@pytest.fixture
async def files(tmp_path):
    """What a killed process leaves: three jobs in the snapshot, two more in the journal."""
    source = tmp_path / "source"
    source.mkdir()
    definitions = opened(source)
    for number, name in enumerate("abcde"):
        if number == 3:
            definitions.tinydb.storage.compact()
        await definitions.commit(Put(version(name)), Put(job(name)))
        await definitions.commit(Put(user(name)), Set(f"setting {name}", number))
    left = {name: (source / name).read_bytes() for name in (SNAPSHOT, JOURNAL)}
    await definitions.aclose()
    return left


def everything(definitions):
    jobs = definitions.jobs()
    versions = [each for job in jobs for each in definitions.versions(job.id)]
    found = {each.id: each for each in [*jobs, *versions, *definitions.users()]}
    return found | definitions.settings()


async def look(folder, left):
    """Open these files twice; return what is there, and what was told."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in left.items():
        (folder / name).write_bytes(data)
    definitions = opened(folder)
    found, findings = everything(definitions), definitions.findings
    await definitions.aclose()
    names = sorted(path.name for path in folder.iterdir())
    again = opened(folder)
    assert everything(again) == found
    await again.aclose()
    assert sorted(path.name for path in folder.iterdir()) == names  # no more copies
    return found, findings


def damages(files, points):
    """A bit flipped, the end cut off, and some bytes zeroed, at every ``points``-th byte."""
    for name, data in files.items():
        for at in range(0, len(data), points):
            bit = 1 << (at // points % 8)
            flipped = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
            yield f"{name} bit {bit} of {at}", {**files, name: flipped}
            zeroed = data[:at] + bytes(len(data[at : at + 300])) + data[at + 300 :]
            yield f"{name} zeros at {at}", {**files, name: zeroed}
            if name == SNAPSHOT:  # the end of a journal is one that was never acknowledged
                yield f"{name} cut at {at}", {**files, name: data[:at]}


async def check_damages(files, folder, points):
    whole, told = await look(folder, files)
    assert (len(whole), told) == (20, [])
    for what, left in damages(files, points):
        found, findings = await look(folder, left)
        said = " ".join(findings)
        for id_, document in whole.items():
            if id_ not in found:
                renamed = "changed outside the kit" in said and len(found) == len(whole)
                told = any(word in said for word in ("lost", "older than", "none of the kit"))
                assert told or renamed, (what, id_, findings)
            elif found[id_] != document:
                assert "lost" in said or "changed outside the kit" in said, (what, id_)
        if len(found) < len(whole) and "zeros at" not in what and "cut at" not in what:
            assert len(whole) - len(found) <= 6, what  # a bit costs a document, or a table its name


async def test_wherever_a_file_is_damaged_it_opens_and_what_is_missing_is_told(files, tmp_path):
    await check_damages(files, tmp_path / "damaged", 251)


@pytest.mark.soak
async def test_at_every_third_byte_damage_is_survived_and_told(files, tmp_path):
    await check_damages(files, tmp_path / "damaged", 3)


async def test_one_unreadable_job_is_named_and_all_others_are_there(files, tmp_path):
    left = {**files, SNAPSHOT: files[SNAPSHOT].replace(b'"id": "job_b"', b'"ie": "job_b"')}
    found, findings = await look(tmp_path / "damaged", left)
    assert {"job_a", "job_c", "job_d", "job_e"} <= found.keys()
    assert "job_b" not in found
    assert any("lost: job 'b' cannot be used (id: Field required)" in each for each in findings)


async def test_a_snapshot_cut_short_says_what_came_after(files, tmp_path):
    data = files[SNAPSHOT]
    left = {**files, SNAPSHOT: data[: data.index(b'"id": "job_b"')]}
    found, findings = await look(tmp_path / "damaged", left)
    assert "job_a" in found
    assert "job_c" not in found
    assert any(each.startswith("lost: document 2 of table jobs") for each in findings)
    assert any(each.startswith("lost: everything after line") for each in findings)


@pytest.mark.parametrize("wrong", [b"6000", b'"1"', b"-1", b"null", b"x"])
async def test_a_damaged_commit_number_costs_no_commit(files, tmp_path, wrong):
    left = {**files, SNAPSHOT: files[SNAPSHOT].replace(b'"commit": 6', b'"commit": ' + wrong)}
    found, findings = await look(tmp_path / "damaged", left)
    assert len(found) == 20
    assert findings
    assert not any("lost" in each for each in findings)


@pytest.mark.parametrize("key", [b"format", b"version", b"commit", b"tables", b"crc32"])
async def test_a_damaged_key_costs_nothing(files, tmp_path, key):
    wrong = bytes([key[0] ^ 1]) + key[1:]
    left = {**files, SNAPSHOT: files[SNAPSHOT].replace(b'"%b"' % key, b'"%b"' % wrong, 1)}
    found, findings = await look(tmp_path / "damaged", left)
    assert len(found) == 20
    assert not any("lost" in each for each in findings)


@pytest.mark.parametrize(
    "text",
    [
        '{"format":"luajobs-definitions","version":1,"commit":1,"tables":[]}',
        '{"format":"luajobs-definitions","version":1,"commit":1,"tables":{"jobs":5}}',
        '{"format":"luajobs-definitions","version":1,"commit":1,"tables":{"jobs":{"1":5}}}',
        '{"format":"luajobs-definitions","version":"1","commit":1,"tables":{"jobs":{"x":{"a":1}}}}',
        '{"format":"luajobs-definitions","version":null,"commit":true}',
        '{"version":1,"commit":1,"tables":{"users":{"1":{"profile":{"emailAddresses":5}}}}}',
        '{"version":1,"commit":1,"tables":{"settings":{"1":{"name":[]}}}}',
        "[" * 100_000,
        '{"format":"luajobs-definitions","tables":{"jobs":{"1":{"a":'
        + "[" * 500
        + "]" * 500
        + "}}}}",
        "[]",
        "",
        "\0" * 500,
    ],
)
async def test_a_snapshot_of_another_shape_is_kept_beside_and_the_journal_counts(
    files, tmp_path, text
):
    found, findings = await look(tmp_path / "damaged", {**files, SNAPSHOT: text.encode()})
    assert {"job_d", "job_e"} <= found.keys()
    assert any("kept as definitions.json.damaged-1" in each for each in findings)
    assert (tmp_path / "damaged" / f"{SNAPSHOT}.damaged-1").read_text() == text


async def told_of_journal(files, folder, change):
    lines = files[JOURNAL].split(b"\n")
    change(lines)
    found, findings = await look(folder, {**files, JOURNAL: b"\n".join(lines)})
    return len(found), findings


async def test_a_damaged_journal_tells_commits_by_their_numbers_and_raises_no_false_alarm(
    files, tmp_path
):
    def header(lines):
        lines[0] = lines[0].replace(b"version", b"versiom")

    def newline(lines):
        lines[1:3] = [lines[1] + b"\x0b" + lines[2]]

    def last_newline(lines):
        lines[-2:] = [lines[-2] + b"\x0b"]

    def zeros(lines):
        lines[2:4] = [bytes(len(lines[2]) + len(lines[3]) + 1)]

    folder = tmp_path / "damaged"
    count, findings = await told_of_journal(files, folder, header)
    assert (count, "no commit was lost" in findings[0]) == (20, True)
    for change in (newline, last_newline):
        count, findings = await told_of_journal(files, folder, change)
        assert (count, any("lost" in each for each in findings)) == (20, False)
    count, findings = await told_of_journal(files, folder, zeros)
    assert count == 16
    assert findings[0].startswith("lost: commits 8 to 9: line 3 of definitions.journal")


async def test_a_snapshot_that_was_removed_is_told_though_its_journal_is_empty(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    definitions = opened(folder)
    assert definitions.findings == []  # a new workspace has lost nothing
    await definitions.commit(Put(version("a")), Put(job("a")))
    await definitions.aclose()
    (folder / SNAPSHOT).unlink()
    again = opened(folder)
    assert again.findings == ["lost: definitions.json is missing; what was kept only in it is gone"]
    await again.aclose()


async def test_a_document_that_was_edited_to_nonsense_by_hand_stays_and_can_be_mended(tmp_path):
    definitions = opened(tmp_path)
    await definitions.commit(Put(version("a")), Put(job("a")))
    table = definitions.tinydb.table("jobs")
    table.update({"createdAt": "soon"})
    assert definitions.jobs() == []
    assert "lost: job 'a' cannot be used (createdAt: " in definitions.findings[0]
    table.update({"createdAt": "2026-03-02T08:00:00Z"})
    assert [each.name for each in definitions.jobs()] == ["a"]
    await definitions.aclose()


async def test_of_two_documents_with_one_id_the_newer_counts(files, tmp_path):
    # The number of job_a is damaged, and the journal then changes job_a.
    data = files[SNAPSHOT].replace(b'"jobs": {\n      "1"', b'"jobs": {\n      "8"')
    newer = job("a").evolve(public=True).model_dump_json(by_alias=True)
    line = encode_commit(11, [Change("put", "jobs", "1", newer)])
    left = {SNAPSHOT: data, JOURNAL: files[JOURNAL] + line}
    found, findings = await look(tmp_path / "damaged", left)
    assert (len(found), found["job_a"].public) == (20, True)
    assert any("older than another with its id, job_a" in each for each in findings)


async def test_what_was_lost_is_told_at_every_start_until_its_note_is_deleted(files, tmp_path):
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / SNAPSHOT).write_bytes(files[SNAPSHOT].replace(b'"id": "job_b"', b'"id": "job_b'))
    (folder / JOURNAL).write_bytes(b"")

    async def findings():
        async with await Store.open(folder, clock=SystemClock(), ids=Ids()) as store:
            await store.definitions.commit(Set("a", 1), Remove(job("none")))
            return store.findings

    first = await findings()
    assert any(each.startswith("lost: document 2 of table jobs") for each in first)
    for _ in range(2):
        again = await findings()
        assert len(again) == len(first)
        assert all("at an earlier start, 20" in each for each in again)
    assert (folder / "damage.log").stat().st_mode & 0o077 == 0
    (folder / "damage.log").unlink()
    assert await findings() == []
    for path in folder.glob("definitions.j*"):
        path.unlink()
    assert any("though history.db is there" in each for each in await findings())
