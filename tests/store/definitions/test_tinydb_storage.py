"""TinyDB's own verbs on our storage give what they give on TinyDB's MemoryStorage."""

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tinydb import TinyDB, where
from tinydb.operations import add, decrement, delete, increment
from tinydb.operations import set as set_field
from tinydb.storages import MemoryStorage
from tinydb.table import Document

from luajobs_kit.errors import InvalidInput
from luajobs_kit.store.definitions.tinydb_storage import JournalDatabase, JournalStorage

names = st.sampled_from(["_default", "jobs", "a/b", "Ünï"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
documents = st.fixed_dictionaries(
    {"n": st.integers(0, 3)}, optional={"v": values, "t": st.text(max_size=3)}
)
ids = st.integers(1, 6)
conditions = st.integers(0, 3).map(lambda n: where("n") == n) | st.just(where("v").exists())
mutations = st.sampled_from(
    [increment("n"), decrement("n"), add("n", 2), delete("n"), set_field("v", [1, {"x": None}])]
)
steps = st.one_of(
    st.tuples(st.just("insert"), documents),
    st.tuples(st.just("insert_multiple"), st.lists(documents, max_size=3)),
    st.tuples(st.just("insert"), st.builds(Document, documents, ids)),
    st.tuples(st.just("update"), documents, conditions),
    st.tuples(st.just("update"), documents),
    st.tuples(st.just("update"), mutations, conditions),
    st.tuples(st.just("update"), documents, st.none(), st.lists(ids, max_size=3)),
    st.tuples(st.just("update_multiple"), st.lists(st.tuples(documents, conditions), max_size=3)),
    st.tuples(st.just("upsert"), documents, conditions),
    st.tuples(st.just("upsert"), st.builds(Document, documents, ids)),
    st.tuples(st.just("remove"), conditions),
    st.tuples(st.just("remove"), st.none(), st.lists(ids, max_size=3)),
    st.tuples(st.just("truncate")),
)
verbs = st.one_of(
    st.tuples(st.just("table"), names, steps),
    st.tuples(st.just("search"), names, conditions),
    st.tuples(st.just("drop_table"), names),
    st.tuples(st.just("drop_tables")),
    st.tuples(st.just("compact")),
    st.tuples(st.just("reopen")),
)


def perform(db, verb):
    """Do one step; an error is an answer too (its kind, as TinyDB raises it)."""
    try:
        if verb[0] == "table":
            name, *arguments = verb[2]
            return getattr(db.table(verb[1]), name)(*json_like(arguments))
        if verb[0] == "search":
            return db.table(verb[1]).search(verb[2])
        return getattr(db, verb[0])(*verb[1:])
    except (ValueError, KeyError, TypeError) as error:
        return type(error)


def json_like(arguments):
    """Documents that no other database shares: MemoryStorage keeps the very objects it is given."""
    return [
        Document(json.loads(json.dumps(value)), value.doc_id)
        if isinstance(value, Document)
        else json.loads(json.dumps(value))
        if isinstance(value, dict)
        else [json.loads(json.dumps(item)) if isinstance(item, dict) else item for item in value]
        if isinstance(value, list)
        else value
        for value in arguments
    ]


def everything(db):
    return {
        name: [(document.doc_id, document) for document in db.table(name)] for name in db.tables()
    }


@contextmanager
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


# TinyDB changes documents in place one by one, so an update that fails half-way leaves its
# MemoryStorage half-changed; ours changes nothing. Such steps end a comparison.
@given(st.lists(verbs, max_size=25))
def test_any_sequence_of_verbs_gives_the_same_database_before_and_after_reopening(sequence):
    with folder() as place:
        ours = JournalDatabase(place, fsync=False, storage=JournalStorage)
        theirs = TinyDB(storage=MemoryStorage)
        try:
            for verb in sequence:
                if verb[0] == "compact":
                    ours.storage.compact()
                elif verb[0] == "reopen":
                    ours.close()
                    ours = JournalDatabase(place, fsync=False, storage=JournalStorage)
                    memory = theirs.storage
                    theirs = TinyDB(storage=MemoryStorage)
                    theirs.storage.memory = memory.memory
                else:
                    before = everything(ours)
                    expected, found = perform(theirs, verb), perform(ours, verb)
                    assert found == expected
                    if expected in (ValueError, KeyError, TypeError):
                        assert everything(ours) == before
                        return
                assert everything(ours) == everything(theirs)
            expected = everything(theirs)
        finally:
            ours.close()
        ours = JournalDatabase(place, fsync=False, storage=JournalStorage)
        assert everything(ours) == expected
        assert ours.storage.findings == []
        ours.close()


@pytest.fixture
def db(tmp_path):
    with JournalDatabase(tmp_path, fsync=False, storage=JournalStorage) as opened:
        yield opened


def test_changing_a_document_that_was_read_changes_nothing_kept(db):
    db.insert({"list": [1]})
    for read in (db.get(doc_id=1), db.all()[0], db.search(where("list").exists())[0]):
        read["list"].append(2)
    assert db.get(doc_id=1) == {"list": [1]}
    assert db.search(where("list").exists()) == [{"list": [1]}]


def test_a_value_json_cannot_say_is_refused_and_nothing_changes(db):
    db.insert({"n": 1})
    with pytest.raises(TypeError):
        db.insert({"when": object()})
    with pytest.raises(TypeError):
        db.update({"when": object()})
    assert db.all() == [{"n": 1}]


def test_what_is_read_now_is_what_is_read_after_a_restart(tmp_path):
    with JournalDatabase(tmp_path, storage=JournalStorage) as opened:
        opened.insert({"pair": (1, 2), 3: "key", "odd": "\ud800\u2028\n"})
        now = opened.all()
    with JournalDatabase(tmp_path, storage=JournalStorage) as opened:
        assert opened.all() == now == [{"pair": [1, 2], "3": "key", "odd": "\ud800\u2028\n"}]


def test_an_update_writes_the_document_it_changed_and_no_other(tmp_path):
    with JournalDatabase(tmp_path, fsync=False, storage=JournalStorage) as opened:
        opened.insert_multiple({"n": n} for n in range(1000))
        journal = tmp_path / "definitions.journal"
        size = journal.stat().st_size
        opened.update({"changed": True}, where("n") == 500)
        opened.remove(doc_ids=[3])
        assert journal.stat().st_size - size < 200


def test_a_table_of_tinydbs_own_class_works_on_the_storage_too(tmp_path):
    with TinyDB(tmp_path, fsync=False, storage=JournalStorage) as plain:
        plain.insert_multiple([{"n": 1}, {"n": 2}])
        plain.update(increment("n"))
        plain.table("other").insert({"x": 1})
        plain.drop_table("other")
    with JournalDatabase(tmp_path, fsync=False, storage=JournalStorage) as opened:
        assert everything(opened) == {"_default": [(1, {"n": 2}), (2, {"n": 3})]}


@pytest.mark.parametrize("shape", ["lists", "tuples", "a circle"])
def test_a_document_nested_too_deep_to_be_read_again_is_refused(tmp_path, shape):
    value = []
    for _ in range(900):
        value = (value,) if shape == "tuples" else [value]
    if shape == "a circle":
        value.append(value)
    with JournalDatabase(tmp_path, storage=JournalStorage) as db:
        db.insert({"a": 1})
        for write in (db.insert, db.update):
            with pytest.raises(InvalidInput, match="more than 100 levels"):
                write({"deep": value})
        assert db.all() == [{"a": 1}]
