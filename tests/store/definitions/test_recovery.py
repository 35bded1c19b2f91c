"""Definitions are read back after anything that can have happened to their files."""

import json
import shutil

import pytest
from tinydb import TinyDB

from luajobs_kit.errors import WorkspaceError
from luajobs_kit.store import Definitions, Set
from luajobs_kit.store.definitions.journal_format import encode_line

SNAPSHOT, JOURNAL = "definitions.json", "definitions.journal"


async def written(folder, *, compact=True, count=5):
    """A workspace as a killed process leaves it: a copy of the files of an open one."""
    source = folder / "source"
    source.mkdir()
    definitions = Definitions(source)
    for value in range(count):
        await definitions.commit(Set(f"s{value}", value), Set("last", value))
        if compact and value == 2:
            definitions.tinydb.storage.compact()
    place = folder / "place"
    shutil.copytree(source, place)
    await definitions.aclose()
    return place


async def opened(folder):
    definitions = Definitions(folder)
    found = definitions.settings(), definitions.findings
    await definitions.commit(Set("after", True))  # service goes on
    await definitions.aclose()
    again = Definitions(folder)
    assert again.settings() == found[0] | {"after": True}
    assert again.findings == []  # repaired for good
    await again.aclose()
    return found


ALL = {"s0": 0, "s1": 1, "s2": 2, "s3": 3, "s4": 4, "last": 4}


@pytest.mark.parametrize("cut", [1, 2, 30, 100])
async def test_a_torn_last_line_is_dropped_and_the_rest_kept(tmp_path, cut):
    place = await written(tmp_path)
    journal = place / JOURNAL
    journal.write_bytes(journal.read_bytes()[:-cut])
    settings, findings = await opened(place)
    assert settings == {"s0": 0, "s1": 1, "s2": 2, "s3": 3, "last": 3}
    assert len(findings) == 1
    assert "cut short" in findings[0]


async def test_a_journal_cut_anywhere_gives_the_commits_that_are_whole(tmp_path):
    place = await written(tmp_path, compact=False, count=3)
    data = (place / JOURNAL).read_bytes()
    for size in range(0, len(data), 7):
        (place / JOURNAL).write_bytes(data[:size])
        definitions = Definitions(place)
        whole = max(0, data[:size].count(b"\n") - 1)
        assert definitions.settings() == (
            {f"s{n}": n for n in range(whole)} | ({"last": whole - 1} if whole else {})
        )
        await definitions.aclose()
        (place / SNAPSHOT).unlink(missing_ok=True)


async def test_a_half_written_new_snapshot_is_no_matter(tmp_path):
    place = await written(tmp_path)
    (place / f"{SNAPSHOT}.new").write_bytes((place / SNAPSHOT).read_bytes()[:100])
    assert await opened(place) == (ALL, [])


async def test_a_crash_between_the_snapshot_and_the_end_of_the_old_journal_is_no_matter(tmp_path):
    place = await written(tmp_path, compact=False)
    definitions = Definitions(place)
    shutil.copy(place / JOURNAL, tmp_path / "old")
    definitions.tinydb.storage.compact()
    await definitions.commit(Set("s5", 5))
    copy = shutil.copytree(place, tmp_path / "copy")
    await definitions.aclose()
    shutil.copy(tmp_path / "old", copy / f"{JOURNAL}.old")
    assert await opened(copy) == (ALL | {"s5": 5}, [])


async def test_a_missing_snapshot_with_a_full_journal_loses_nothing(tmp_path):
    place = await written(tmp_path, compact=False)
    (place / SNAPSHOT).unlink(missing_ok=True)
    assert await opened(place) == (ALL, [])


async def test_a_missing_snapshot_with_the_newest_commits_only_is_told(tmp_path):
    place = await written(tmp_path)
    (place / SNAPSHOT).unlink()
    definitions = Definitions(place)
    assert definitions.settings() == {"s3": 3, "s4": 4, "last": 4}
    assert "definitions.json is missing" in definitions.findings[0]
    await definitions.aclose()


async def test_a_damaged_line_is_told_and_kept_beside_and_all_others_count(tmp_path):
    place = await written(tmp_path, compact=False)
    journal = place / JOURNAL
    lines = journal.read_bytes().split(b"\n")
    lines[3] = lines[3].replace(b"s2", b"sX")
    journal.write_bytes(damaged := b"\n".join(lines))
    settings, findings = await opened(place)
    assert settings == {"s0": 0, "s1": 1, "s3": 3, "s4": 4, "last": 4}
    assert "lost: commit 3: line 4 of definitions.journal" in findings[0]
    assert "definitions.journal.damaged-1" in findings[1]
    assert (place / f"{JOURNAL}.damaged-1").read_bytes() == damaged


async def test_a_missing_line_is_told(tmp_path):
    place = await written(tmp_path, compact=False)
    journal = place / JOURNAL
    lines = journal.read_bytes().split(b"\n")
    del lines[2:4]
    journal.write_bytes(b"\n".join(lines))
    definitions = Definitions(place)
    assert definitions.findings == ["lost: commits 2 to 3: missing from definitions.journal"]
    await definitions.aclose()


async def test_zeros_where_a_line_should_be_are_damage_like_any_other(tmp_path):
    place = await written(tmp_path, compact=False)
    journal = place / JOURNAL
    lines = journal.read_bytes().split(b"\n")
    lines[2] = b"\0" * len(lines[2])
    journal.write_bytes(b"\n".join(lines))
    settings, findings = await opened(place)
    assert settings == {key: value for key, value in ALL.items() if key != "s1"}
    assert "lost: commit 2: line 3" in findings[0]


async def test_a_damaged_snapshot_gives_every_document_that_can_be_read(tmp_path):
    place = await written(tmp_path, compact=False)
    definitions = Definitions(place)
    await definitions.aclose()
    snapshot = place / SNAPSHOT
    text = snapshot.read_text()
    snapshot.write_text(text.replace('"name": "s3",', '"name": "s3'))
    settings, findings = await opened(place)
    assert settings == {key: value for key, value in ALL.items() if key != "s3"}
    assert "every readable document is kept" in findings[0]
    assert any("lost: document 5 of table settings" in finding for finding in findings)
    assert any("definitions.json.damaged-1" in finding for finding in findings)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
async def test_half_a_snapshot_gives_the_documents_in_that_half(tmp_path, share):
    place = await written(tmp_path, compact=False, count=20)
    await Definitions(place).aclose()
    data = (place / SNAPSHOT).read_bytes()
    (place / SNAPSHOT).write_bytes(data[: int(len(data) * share)])
    settings, findings = await opened(place)
    assert share * 20 - 3 <= len(settings) <= share * 20 + 2
    assert findings


async def test_a_changed_snapshot_that_reads_well_is_used_and_told(tmp_path):
    place = await written(tmp_path)
    snapshot = place / SNAPSHOT
    snapshot.write_text(snapshot.read_text().replace('"value": 1', '"value": 100'))
    settings, findings = await opened(place)
    assert settings == ALL | {"s1": 100}
    assert "changed outside the kit" in findings[0]


@pytest.mark.parametrize("name", [SNAPSHOT, JOURNAL])
async def test_files_of_a_newer_kit_are_refused_and_stay_as_they_are(tmp_path, name):
    place = await written(tmp_path)
    if name == SNAPSHOT:
        newer = json.loads((place / name).read_text()) | {"version": 2}
        (place / name).write_text(json.dumps(newer))
        (place / JOURNAL).write_bytes((place / JOURNAL).read_bytes() + b"torn")
    else:
        (place / name).write_bytes(encode_line('{"format":"luajobs-definitions","version":2}'))
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    with pytest.raises(WorkspaceError, match=r"newer luajobs-kit .*pip install -U"):
        Definitions(place)
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


async def test_a_file_of_tinydbs_own_storage_is_migrated_and_kept(tmp_path):
    with TinyDB(tmp_path / SNAPSHOT) as plain:
        plain.table("settings").insert({"name": "a", "value": 1})
        plain.insert({"mine": True})
    old = (tmp_path / SNAPSHOT).read_bytes()
    definitions = Definitions(tmp_path)
    assert definitions.settings()["a"] == 1
    assert definitions.tinydb.all() == [{"mine": True}]
    assert "migrated from format 0" in definitions.findings[0]
    await definitions.aclose()
    assert (tmp_path / f"{SNAPSHOT}.format0-1").read_bytes() == old
    again = Definitions(tmp_path)
    assert (again.settings()["a"], again.findings) == (1, [])
    await again.aclose()


async def test_a_json_file_that_is_no_database_is_refused_and_stays(tmp_path):
    (tmp_path / SNAPSHOT).write_text('{"hello": "world"}')
    with pytest.raises(WorkspaceError, match="no TinyDB file"):
        Definitions(tmp_path)
    assert (tmp_path / SNAPSHOT).read_text() == '{"hello": "world"}'
