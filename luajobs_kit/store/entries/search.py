"""Searching entries: which terms of a query an entry holds, and a score from 0 to 1.

The score is the weighted share of the query's terms that match. A term is a word between
blanks; one with punctuation inside, such as ``T-1001``, is one term, not two. A rare term weighs
up to three times a common one, and the small words of English next to nothing. FTS5
finds the candidates; its BM25 only orders those of equal score.

FTS5 splits and folds words in its own way, so it is asked for a word as it was typed; what this
module compares itself is folded on both sides.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from luajobs_kit.store.database.column_values import phrase, utf8
from luajobs_kit.store.entries.filters import Steps

_COMMON: Final = 0.5  # weight of a term that every entry holds
_RARE: Final = 1.5  # weight of one that hardly any holds
_ABSENT: Final = 1.0  # weight of one that no entry holds: nothing tells how rare it is
_SMALL_WORD: Final = 0.1
_SMALL_WORDS: Final = frozenset(
    re.findall(
        r"\w+",
        "a about after all am an and any are as at be been but by can could did do does for from "
        "had has have he her his how i if in into is it its just me my no not of on or our she "
        "should so some than that the their them then there these they this to too up us was we "
        "were what when where which who why will with would you your ",
    )
)
_EDGES: Final = re.compile(r"^[\W_]+|[\W_]+$")
_IDENTIFIER: Final = re.compile(r"(?=.*[\d@_])(?=.*[^\W_][\W_]+[^\W_])")
_TOKENS: Final = re.compile(r"[^\W_]+")
_MOST_TERMS: Final = 64
_FOLDED_A_STEP: Final = 8  # characters folded in the time of one comparison


@dataclass(frozen=True, slots=True)
class _Term:
    typed: str
    plain: str  # without case, accents and the punctuation around it

    @property
    def expression(self) -> str:
        """What asks FTS5 for it, also as others write it: ``Straße`` finds ``strasse``."""
        if _EDGES.sub("", self.typed).lower() == self.plain:
            return phrase(self.typed)
        return f"{phrase(self.typed)} OR {phrase(self.plain)}"


def text_of(value: Any) -> str:
    """Return all the text in a JSON value: every text and number in it, keys aside."""
    return utf8("\n".join(_texts(value)))


def find(
    db: sqlite3.Connection,
    collection: str,
    text: str,
    threshold: float,
    *,
    full_text: bool,
    steps: Steps,
) -> list[tuple[int, float]]:
    """Return ``(seq, score)`` of the entries that score at least ``threshold``, the best first."""
    terms = _terms(text, steps)
    entries = db.execute(
        "SELECT count(*) FROM entries WHERE collection = ?", (collection,)
    ).fetchone()[0]
    if not terms or not entries:
        return []
    matches = [(_indexed if full_text else _scanned)(db, collection, term, steps) for term in terms]
    weights = [
        _weight(term, len(found), entries) for term, found in zip(terms, matches, strict=True)
    ]
    scores: dict[int, float] = {}
    ranks: dict[int, float] = {}
    for found, weight in zip(matches, weights, strict=True):
        for seq, rank in found.items():
            scores[seq] = scores.get(seq, 0.0) + weight
            ranks[seq] = ranks.get(seq, 0.0) + rank  # BM25 is a sum over terms; the least is best
    total = sum(weights)
    passed = [
        (seq, min(1.0, round(score / total, 6)))
        for seq, score in scores.items()
        if score / total >= threshold - 1e-9
    ]
    return sorted(passed, key=lambda each: (-each[1], ranks[each[0]], -each[0]))


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _terms(text: str, steps: Steps) -> list[_Term]:
    terms: dict[str, _Term] = {}
    for word in utf8(text).split():
        plain = _EDGES.sub("", _folded(word, steps))
        if plain and _TOKENS.search(word):
            terms.setdefault(plain, _Term(word, plain))
    return list(terms.values())[:_MOST_TERMS]


def _weight(term: _Term, holding: int, entries: int) -> float:
    if term.plain in _SMALL_WORDS:
        return _SMALL_WORD
    if holding == 0:
        return _RARE if _IDENTIFIER.match(term.plain) else _ABSENT
    return _RARE - (_RARE - _COMMON) * (holding - 1) / max(1, entries - 1)


def _indexed(
    db: sqlite3.Connection, collection: str, term: _Term, steps: Steps
) -> dict[int, float]:
    rows = db.execute(
        "SELECT e.seq, f.rank, e.text FROM entries_fts f CROSS JOIN entries e ON e.seq = f.rowid"
        " WHERE entries_fts MATCH ? AND e.collection = ?",
        (term.expression, collection),
    )
    if not _IDENTIFIER.match(term.plain):
        return {seq: rank for seq, rank, _ in rows}
    whole = _whole(term.plain)
    return {seq: rank for seq, rank, text in rows if whole.search(_folded(text, steps))}


def _scanned(
    db: sqlite3.Connection, collection: str, term: _Term, steps: Steps
) -> dict[int, float]:
    """Find a term without FTS5, by looking at every entry."""
    sql = "SELECT seq, text FROM entries WHERE collection = ?"
    if _IDENTIFIER.match(term.plain):
        pattern = _whole(term.plain)
    else:
        words = r"[\W_]+".join(map(re.escape, _TOKENS.findall(term.plain)))
        pattern = re.compile(rf"(?<![^\W_]){words}(?![^\W_])")
    rows = db.execute(sql, (collection,))
    return {seq: 0.0 for seq, text in rows if pattern.search(_folded(text, steps))}


def _whole(plain: str) -> re.Pattern[str]:
    """Return what finds an identifier that is not part of a longer one (T-1001 in T-1001-B)."""
    word, joint = r"[^\W_]", r"[-_.@+#]"
    return re.compile(
        rf"(?<!{word})(?<!{word}{joint}){re.escape(plain)}(?!{word})(?!{joint}{word})"
    )


def _folded(text: str, steps: Steps) -> str:
    steps.take(1 + len(text) // _FOLDED_A_STEP)
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in plain if not unicodedata.combining(each))
