"""Masking: a secret is hidden however code writes it, and nothing else is."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from luajobs_kit.masking import MASK, SHORTEST, Mask

ODD = "p\"a's\\s\nwörd+/ =&<%>\t" + "\N{LOCK}" * 3
WAYS = {
    "itself": str,
    "repr": repr,
    "ascii": ascii,
    "repr beside quotes": lambda secret: repr({"it's": 'a "' + secret}),
    "repr beside one quote": lambda secret: repr("it's " + secret),
    "bytes": lambda secret: repr(secret.encode()),
    "JSON": lambda secret: json.dumps({"a": [secret]}),
    "JSON, as it is": lambda secret: json.dumps(secret, ensure_ascii=False),
    "JSON in a repr": lambda secret: repr(json.dumps(secret)),
    "repr in JSON": lambda secret: json.dumps(repr(secret)),
    "a form": lambda secret: urlencode({"key": secret}),
    "an address": quote,
    "a path": lambda secret: quote(secret, safe=""),
    "an address in lower case": lambda secret: quote(secret, safe="").replace("%C3%B6", "%c3%b6"),
    "base 64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "basic authentication": lambda secret: base64.b64encode(f"me:{secret}".encode()).decode(),
    "base 64 for addresses": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("secret", ["k-98765-open-sesame", ODD], ids=["plain", "odd"])
def test_a_secret_is_masked_however_it_is_written(way, secret):
    written = WAYS[way](secret)
    shown = Mask([secret])(written)
    assert MASK in shown
    assert len(shown) < len(written)
    assert secret not in shown
    for part in ("98765", "sesame", "w\\xf6rd", "w%C3%B6rd"):
        assert part not in shown


@given(secret=st.text(min_size=SHORTEST), before=st.text(), after=st.text())
def test_nothing_is_left_of_any_secret_in_any_text(secret, before, after):
    assume(secret == secret.encode("utf-8", "ignore").decode() and len(secret.strip()) >= SHORTEST)
    for write in (str, repr, ascii, json.dumps):
        shown = Mask([secret])(write(before + secret + after))
        assert write(secret)[1:-1] not in shown or write is str
        assert secret not in shown


@pytest.mark.parametrize("printed", ["sk-one-two", "key: sk-one-two.", "sk-one-two\n"])
def test_a_value_with_a_line_s_end_is_masked_without_it(printed):
    assert "sk-one" not in Mask(["  sk-one-two\r\n"])(printed)


def test_each_line_of_a_key_is_masked_and_short_ones_are_not():
    key = "-----BEGIN KEY-----\nabcdefgh\nij\n-----END KEY-----\n"
    shown = [Mask([key])(line) for line in key.splitlines()]
    assert shown == [MASK, MASK, "ij", MASK]


def test_ordinary_words_stay():
    text = "the key k-98765 of 3 users"
    assert Mask(["k-98765-open", "3", "users"])(text) == text


@pytest.mark.parametrize("left", range(SHORTEST, 19))
def test_the_beginning_that_a_cut_leaves_is_masked(left):
    mask = Mask(["k-98765-open-sesame"])
    text = "x" * 10 + "k-98765-open-sesame"[:left]
    assert mask(text, is_cut=True) == "x" * 10 + MASK
    assert mask(text) == text
