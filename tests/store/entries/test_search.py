"""Searching entries by words: what is found at the default threshold, and what is not."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luajobs_kit.clock import VirtualClock
from luajobs_kit.ids import Ids
from luajobs_kit.store.database import schema
from luajobs_kit.store.entries.entries import Entries

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["memory", "disk", "without FTS5"])
async def entries(request, tmp_path, monkeypatch):
    if request.param == "without FTS5":
        monkeypatch.setattr(schema, "has_fts5", lambda: False)
    path = None if request.param == "memory" else tmp_path / "history.db"
    clock = VirtualClock(NOON)
    opened = await Entries.open(path, clock=clock, ids=Ids(clock))
    yield opened
    await opened.aclose()


async def test_a_ticket_is_found_by_the_id_in_its_data_and_others_are_not(entries):
    for number in range(1000, 1010):
        await entries.create(
            "tickets", {"ticketId": f"T-{number}", "status": "open", "title": "It broke"}
        )
    await entries.create("tickets", {"ticketId": "T-1001-B"})
    await entries.create("tickets", {"ticketId": "XT-1001"})
    await entries.create("other", {"ticketId": "T-1001"})
    [found] = await entries.search("tickets", "T-1001", 1)
    assert (found.data["ticketId"], found.score) == ("T-1001", 1.0)
    assert len(await entries.search("tickets", "t-1001")) == 1
    assert len(await entries.search("tickets", "ticket #T-1002, please")) == 0
    others = await entries.search("tickets", "T-1001 T-1002", threshold=0.1)
    assert {each.data["ticketId"]: each.score for each in others} == {"T-1001": 0.5, "T-1002": 0.5}
    assert await entries.search("tickets", "T-9999") == []
    assert await entries.search("tickets", "T-9999 broke") == []


async def test_an_id_is_found_alone_even_when_it_is_the_only_entry(entries):
    await entries.create("tickets", {"ticketId": "T-1001", "status": "open"})
    assert len(await entries.search("tickets", "T-1001", 1)) == 1
    assert await entries.search("tickets", "T-1002", 1) == []


@pytest.mark.parametrize(
    ("wanted", "other"),
    [
        ("ada@example.com", "bada@example.com"),
        ("ada@example.com", "ada@example.com.au"),
        ("order_17", "order_170"),
        ("2026-03-01", "2026-03-011"),
        ("v1.2", "v1.2.3"),
        ("A/7", "A/77"),
    ],
)
async def test_what_looks_like_an_identifier_matches_itself_only(entries, wanted, other):
    await entries.create("c", {"x": f"see {wanted}, thanks"})
    await entries.create("c", {"x": f"see {other}, thanks"})
    found = await entries.search("c", wanted)
    assert [each.data["x"] for each in found] == [f"see {wanted}, thanks"]


async def test_all_nested_values_are_searched_but_not_the_names_of_fields(entries):
    await entries.create("c", {"field": [{"deep": ["needle", 4711]}], "flag": True})
    for text in ("needle", "4711", "NEEDLE", "4711 needle"):
        assert len(await entries.search("c", text)) == 1, text
    for text in ("field", "deep", "true"):
        assert await entries.search("c", text) == [], text


async def test_given_search_text_is_searched_in_place_of_the_data(entries):
    await entries.create("c", {"secret": "needle"}, "haystack of hay")
    assert len(await entries.search("c", "haystack")) == 1
    assert await entries.search("c", "needle") == []


async def test_a_question_in_words_finds_what_answers_it(entries):
    for text in (
        "Password reset: choose a new password on the account page",
        "Shipping takes three days within Europe",
        "Refunds are paid within a week after the return arrives",
    ):
        await entries.create("faq", {"text": text})
    [found] = await entries.search("faq", "How do I reset my password?")
    assert found.data["text"].startswith("Password")
    assert found.score > 0.8
    [found] = await entries.search("faq", "shipping to Europe")
    assert found.data["text"].startswith("Shipping")


async def test_the_score_is_the_share_of_the_terms_and_the_rare_weigh_more(entries):
    for number in range(9):
        await entries.create("c", {"text": f"common filler{number}"})
    await entries.create("c", {"text": "common rare"})
    found = await entries.search("c", "common rare", threshold=0)
    assert found[0].data["text"] == "common rare"
    assert found[0].score == 1.0
    assert {each.score for each in found[1:]} == {0.25}
    assert len(await entries.search("c", "common rare")) == 1
    assert [each.score for each in await entries.search("c", "common filler3 rare", 2, 0.5)] == [
        pytest.approx(2 / 3.5, abs=0.1)
    ] * 2


async def test_of_equal_scores_the_better_match_comes_first(entries):
    if not entries._database.full_text:
        pytest.skip("BM25 is FTS5's")
    await entries.create("c", {"text": "apple and a great many other words about very little"})
    await entries.create("c", {"text": "apple apple"})
    for number in range(5):
        await entries.create("c", {"text": f"pear {number}"})
    found = await entries.search("c", "apple")
    assert [each.score for each in found] == [1.0, 1.0]
    assert found[0].data["text"] == "apple apple"


async def test_accents_and_case_make_no_difference(entries):
    await entries.create("c", {"text": "Crème BRÛLÉE"})
    assert len(await entries.search("c", "creme brulee")) == 1
    assert len(await entries.search("c", "CRÈME")) == 1


@pytest.mark.parametrize("text", ["", "  ", "!!!", '"', "-", "*", "\x00", "\ud800"])
async def test_a_query_without_words_finds_nothing(entries, text):
    await entries.create("c", {"text": f"something {text}"})
    assert await entries.search("c", text) == []


@settings(suppress_health_check=list(HealthCheck))
@given(text=st.text(max_size=30), query=st.text(max_size=30))
async def test_any_text_is_a_query_and_every_score_lies_between_0_and_1(entries, text, query):
    made = await entries.create("any", {"text": text})
    for each in await entries.search("any", query, threshold=0):
        assert 0 <= each.score <= 1
    await entries.delete("any", made.id)


@pytest.mark.parametrize("text", ["Straße", "Übergröße", "синяя ёлка", "\uff21\uff22", "ﬁle"])
async def test_a_word_is_found_as_others_write_it(entries, text):
    plain = {"Straße": "strasse", "Übergröße": "ubergrosse", "синяя ёлка": "синяя елка"}
    await entries.create("c", {"text": plain.get(text, unicodedata.normalize("NFKC", text))})
    assert [each.score for each in await entries.search("c", text)] == [1.0]


@pytest.mark.parametrize(
    "text",
    [
        "Straße Groß ẞ",
        "한국어 티켓",
        "プログラム がぎぐ ﾃｽﾄ",
        "синий чай, ёлка",
        "Σίσυφος",
        "أحمد",
        "हिन्दी",
        "น้ำ",
        "½ liter",
        "𞤀𞤁",
        "_T-1001_ -T-1002-",
        "T-1001™",
        "private\ue000",
    ],
)
async def test_text_in_any_script_is_found_by_searching_for_itself(entries, text):
    await entries.create("c", {"text": text})
    await entries.create("c", {"text": "another one"})
    [found] = await entries.search("c", text)
    assert (found.data["text"], found.score) == (text, 1.0)


def known(letter):
    """Whether FTS5 too takes it for a letter, and one that is more than an accent alone."""
    plain = unicodedata.normalize("NFKD", letter.casefold())
    newer = "\u19b0" <= letter <= "\u19c8" or letter in "\u1cf2\u1cf3"
    return not newer and any(each.isalnum() for each in plain)


letters = st.characters(categories=["L"], max_codepoint=0x2FFFF).filter(known)
others = st.characters(categories=["M", "N", "P", "S", "Z"], max_codepoint=0x2FFFF)
texts = st.lists(st.tuples(letters, st.text(letters | others, max_size=6)).map("".join), min_size=1)


@settings(suppress_health_check=list(HealthCheck))
@given(text=texts.map(" ".join))
async def test_any_text_of_letters_is_found_by_itself_with_a_score_of_1(entries, text):
    made = await entries.create("itself", {"text": text})
    assert [each.score for each in await entries.search("itself", text)] == [1.0]
    await entries.delete("itself", made.id)


words = st.lists(
    st.sampled_from(["ab", "cd", "T-1", "T-2", "x@y.z", "ab-cd", "it's", "3.5"]),
    min_size=1,
    max_size=5,
)


@settings(suppress_health_check=list(HealthCheck))
@given(kept=words, asked=words)
async def test_an_entry_that_holds_every_term_scores_1(entries, kept, asked):
    made = await entries.create("all", {"text": " ".join([*kept, *asked])})
    [found] = await entries.search("all", " ".join(asked))
    assert found.score == 1.0
    await entries.delete("all", made.id)
