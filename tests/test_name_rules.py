"""Names: what is seen may be one, in every script; what is not seen may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luajobs_kit.errors import InvalidInput
from luajobs_kit.ids import Ids
from luajobs_kit.name_rules import check_name, refuse_id, unseen_character

SEEN = {
    "plain": "daily-report",
    "umlauts": "Grüße an Zoë",
    "right to left": "דוח יומי",
    "Persian, with its joiner": "می‌خواهم",
    "Hindi, with its joiner": "क्‍ष",
    "combining marks": "e\u0301te\u0301",
    "emoji": "🚀 launch",
    "a family of emoji": "👨‍👩‍👧",
    "a skin tone and a joiner": "🧑🏽‍💻",
    "a heart with its selector": "❤️ donors",
    "a keycap": "1️⃣ first",
}
UNSEEN = {
    "zero-width space": "daily\u200breport",
    "zero-width joiner between Latin letters": "daily\u200dreport",
    "zero-width non-joiner in front": "\u200cdaily",
    "byte-order mark": "\ufeffdaily",
    "word joiner": "daily\u2060report",
    "soft hyphen": "daily\u00adreport",
    "right-to-left override": "daily\u202etroper",
    "isolate": "\u2066daily\u2069",
    "right-to-left mark": "daily\u200f",
    "variation selector after a letter": "a\ufe0f",
    "Hangul filler": "\u3164",
    "braille blank": "a\u2800b",
    "grapheme joiner": "a\u034fb",
    "tag letters": "a\U000e0041",
    "line separator": "a\u2028b",
    "no-break space": "a\u00a0b",
    "control character": "a\x1b[31m",
    "unassigned": "a\u0378",
    "private use": "a\ue000",
    "half of a surrogate pair": "a\ud800",
}


@pytest.mark.parametrize("name", SEEN.values(), ids=SEEN)
def test_what_is_seen_may_be_a_name(name):
    assert check_name(name, "a job", example="x") == name


@pytest.mark.parametrize("name", UNSEEN.values(), ids=UNSEEN)
def test_what_is_not_seen_is_refused_with_its_code(name):
    with pytest.raises(InvalidInput, match=r"not seen \(U\+[0-9A-F]{4}.*leave it out") as refused:
        check_name(name, "a job", example="x")
    assert str(refused.value).isascii()


@given(st.text(max_size=20))
def test_any_other_text_is_a_name_or_is_told_in_text_that_prints(text):
    if text.strip() and unseen_character(text) is None:
        assert check_name(text, "a job", example="x") == text
        return
    with pytest.raises(InvalidInput) as refused:
        check_name(text, "a job", example="x")
    assert str(refused.value).isprintable()


def test_a_name_is_bounded_and_not_blank():
    with pytest.raises(InvalidInput, match="A job needs a name, such as 'daily-report'"):
        check_name("  ", "a job", example="daily-report")
    with pytest.raises(InvalidInput, match="has 201 characters; 200 is the most"):
        check_name("x" * 201, "a job", example="x")


@pytest.mark.parametrize("change", [str, str.lower, str.upper, " {} ".format])
def test_a_name_written_as_an_id_is_refused(change):
    for prefix in ("job", "exec", "version"):
        with pytest.raises(InvalidInput, match="is written as an id"):
            refuse_id(change(Ids().new(prefix)), "a job")


@pytest.mark.parametrize("name", ["job_1", "job_report", "user_alice", "exec", "job-" + "0" * 26])
def test_a_name_that_begins_as_ids_do_is_none(name):
    refuse_id(name, "a job")
