"""Tracker of the copies a run was given, so that no change to one is lost without a log line.

The answers of the platform are copies. ``user.data["plan"] = "pro"`` changes the copy, and only
``user.save()`` keeps it. So each copy that is given to job code is noted together with the answer
it was made of; before it is replaced or the run ends, the two are compared, and what was changed
and not saved is written to the run's log.

Job code may have put anything into its copies. Comparing looks at exact types, and only values of
Python's own types are compared with ``==``: an object of job code's is never asked whether it is
equal.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable
from itertools import repeat
from operator import is_
from typing import Any, Final, NamedTuple

MOST_COMPARED: Final = 100_000  # values of one copy; a larger copy is not compared
COMPARED_IN_ALL: Final = 1_000_000  # values of all copies of a run
MOST_LINES: Final = 20  # lines
MOST_NAMED: Final = 5  # changes of one copy that its line names
LONGEST_KEY: Final = 40  # characters of a key that a line shows
LONGEST_NUMBER: Final = 256  # bits of a number that stands for a key
SWEPT_AFTER: Final = 64  # tracked copies from which on unreferenced ones are dropped

_MISSING: Final = object()
_HELD_BY_US: Final = 2  # references to an owner when nobody else has one: ours and the question's

Path = tuple[str, ...]
DocumentKey = tuple[str, ...]
"""The document a copy is of. Of two copies of one document, saving either saves the change."""

mappings: Final[set[int]] = {id(dict)}
"""The ids of the classes whose instances are a JSON object: ``dict`` and the kit's own."""


class CopyKind(NamedTuple):
    """One kind of copies: how a line names it, where its object is held, and what keeps it."""

    name: str  # entry.data
    content: Callable[[Any], Any]
    advice: Callable[[str], str]  # the call that keeps a change, given the key of one


class TooLarge(Exception):
    """There is more to compare than is worth the time."""


class Copy:
    """A copy that job code was given, and what it was made of."""

    __slots__ = ("before", "document", "kind", "lost", "owner")

    def __init__(
        self, owner: Any, kind: CopyKind, document: DocumentKey, before: dict[str, Any]
    ) -> None:
        self.owner = owner
        self.kind = kind
        self.document = document
        self.before = before
        self.lost: dict[str, Path] = {}  # what was changed before an answer replaced it, by key

    def now(self) -> dict[str, Any]:
        """Return what it holds now; whatever else job code made of it counts as empty."""
        return items_of(self.kind.content(self.owner))


class CopyTracker:
    """The copies of one run."""

    def __init__(self) -> None:
        self._copies: dict[tuple[int, str], Copy] = {}  # by the owner's identity and the kind
        self._by_document: dict[DocumentKey, list[Copy]] = {}
        self._lines: list[str] = []
        self._omitted = 0
        self._too_large: set[str] = set()
        self._left = COMPARED_IN_ALL
        self._swept_at = SWEPT_AFTER

    def track(self, owner: Any, kind: CopyKind, document: DocumentKey, before: Any) -> None:
        """Track a copy made of the answer ``before``; a copy tracked already is left as it is."""
        if (id(owner), kind.name) in self._copies or type(before) is not dict:
            return
        if len(self._copies) >= self._swept_at:
            self._sweep()
        copy = Copy(owner, kind, document, before)
        self._copies[id(owner), kind.name] = copy
        self._by_document.setdefault(document, []).append(copy)

    def saved(self, document: DocumentKey, given: Any, answer: Any, *, by: Any = None) -> None:
        """Record that ``given`` was saved to a document, which is ``answer`` now.

        ``by`` is the owner of the copy that is about to show the answer: what was changed there
        and is not among it is lost.
        """
        if type(answer) is not dict:
            return
        sent = items_of(given)
        for copy in self._by_document.get(document, ()):
            own = copy.owner is by
            now = copy.now()
            rest = dict(copy.before)
            for key, path in self._changes(copy).items():
                value = now.get(key, _MISSING)
                if self._same(value, answer.get(key, _MISSING)) or (
                    key in sent and (own or sent[key] is value)
                ):
                    copy.lost.pop(key, None)
                    _set(rest, key, answer.get(key, _MISSING))
                elif own:
                    copy.lost[key] = path
            if own:
                for key in sent:
                    copy.lost.pop(key, None)
            copy.before = answer if own else rest

    def forget(self, document: DocumentKey) -> None:
        """Stop tracking the copies of a document that was deleted, or emptied on purpose."""
        for copy in self._by_document.pop(document, ()):
            self._copies.pop((id(copy.owner), copy.kind.name), None)

    def refresh(self, held: Any, answer: Any, wrap: Callable[[Any], Any]) -> None:
        """Let an object that job code holds show the answer.

        A part that is the same already stays the same object: job code may hold it by a name of
        its own, and goes on changing what is shown.
        """
        now = items_of(held)
        fresh = {
            key: now[key]
            if type(value) in {dict, list} and key in now and self._same(now[key], value)
            else wrap(value)
            for key, value in answer.items()
        }
        dict.clear(held)
        dict.update(held, fresh)

    def log_unsaved(self, log: Callable[[str, str], None]) -> None:
        """Write a line for each copy with changes that nothing kept, and forget all of it."""
        for copy in list(self._copies.values()):
            with contextlib.suppress(RecursionError, MemoryError):
                self._conclude(copy)
        for line in self._lines:
            log("warn", line)
        if self._omitted:
            log("warn", f"{self._omitted} more objects were changed here and not kept")
        for name in sorted(self._too_large):
            log(
                "info",
                f"{name} was too large to look for changes that were not kept: those are lost",
            )
        for part in (self._copies, self._by_document, self._lines, self._too_large):
            part.clear()
        self._omitted = 0

    def _sweep(self) -> None:
        """Conclude copies that job code no longer references: they can no longer change or be saved."""
        for copy in list(self._copies.values()):
            if sys.getrefcount(copy.owner) > _HELD_BY_US:
                continue
            self._conclude(copy)
            del self._copies[id(copy.owner), copy.kind.name]
            others = self._by_document[copy.document]
            others.remove(copy)
            if not others:
                del self._by_document[copy.document]
        self._swept_at = max(SWEPT_AFTER, 2 * len(self._copies))

    def _conclude(self, copy: Copy) -> None:
        lost = copy.lost | self._changes(copy)
        if not lost:
            return
        if len(self._lines) < MOST_LINES:
            self._lines.append(_line(copy, lost))
        else:
            self._omitted += 1

    def _changes(self, copy: Copy) -> dict[str, Path]:
        """Return where a copy is no longer what it was made of: a path by each key."""
        now = copy.now()
        comparison = Comparison(min(MOST_COMPARED, self._left))
        try:
            return {
                key: path
                for key in {**copy.before, **now}
                if (path := comparison.path(now, copy.before, key)) is not None
            }
        except TooLarge:
            self._too_large.add(copy.kind.name)
            return {}
        finally:
            self._left -= comparison.compared

    def _same(self, held: Any, answer: Any) -> bool:
        comparison = Comparison(min(MOST_COMPARED, self._left))
        try:
            return comparison.difference(held, answer) is None
        except TooLarge:
            return False
        finally:
            self._left -= comparison.compared


class Comparison:
    """Looks for a difference between what job code holds and JSON, so far and no further."""

    def __init__(self, most: int) -> None:
        self.compared = 0
        self._most = most

    def path(self, held: dict[str, Any], before: dict[str, Any], key: str) -> Path | None:
        """Return where the two differ under ``key``, or None where they do not."""
        inner = self.difference(dict.get(held, key, _MISSING), before.get(key, _MISSING))
        return None if inner is None else (key, *inner)

    def difference(self, held: Any, before: Any) -> Path | None:
        """Return the keys that lead to a difference (none: they differ as a whole), or None.

        ``before`` is JSON. Raises ``TooLarge``.
        """
        self._take(1)
        if type(before) is dict:
            now = _object(held)
            if now is None:
                return ()
            both = before if dict.__len__(now) == len(before) else [*before, *dict.keys(now)]
            for key in both:
                if (path := self.path(now, before, key)) is not None:
                    return path
            return None
        if type(before) is list:
            return None if self._same_items(held, before) else ()
        return None if type(held) is type(before) and held == before else ()

    def _same_items(self, held: Any, before: list[Any]) -> bool:
        if (type(held) is not list and type(held) is not tuple) or len(held) != len(before):
            return False
        self._take(len(before) // 16)  # a list of plain values is compared at once
        if {dict, list}.isdisjoint(map(type, before)):
            return all(map(is_, map(type, held), map(type, before))) and list(held) == before
        pairs = zip(held, before, strict=True)
        return all(self.difference(one, other) is None for one, other in pairs)

    def _take(self, count: int) -> None:
        self.compared += count
        if self.compared > self._most:
            raise TooLarge


def items_of(held: Any) -> dict[str, Any]:
    """Return the items of any dict as those of one of Python's own, numbers as JSON has them."""
    if not issubclass(type(held), dict):
        return {}
    return {
        key if type(key) is str else str(key): value
        for key, value in dict.items(held)
        if type(key) is str or (type(key) is int and key.bit_length() < LONGEST_NUMBER)
    }


def _object(held: Any) -> dict[str, Any] | None:
    """Return what is a JSON object, or None for everything else.

    With keys that are plain text it may be looked into: no key is asked whether it is equal.
    """
    if id(type(held)) not in mappings:
        return None
    return held if all(map(is_, map(type, dict.keys(held)), repeat(str))) else None


def _set(fields: dict[str, Any], key: str, value: Any) -> None:
    if value is _MISSING:
        fields.pop(key, None)
    else:
        fields[key] = value


def _line(copy: Copy, lost: dict[str, Path]) -> str:
    named = [copy.kind.name + _keys(path) for path in list(lost.values())[:MOST_NAMED]]
    more = f" and {len(lost) - MOST_NAMED} more" if len(lost) > MOST_NAMED else ""
    of = f" of {' in '.join(copy.document[1:])}" if len(copy.document) > 1 else ""
    were = "was" if len(lost) == 1 else "were"
    return (
        f"{', '.join(named)}{more}{of} {were} changed here and not kept: "
        f"{copy.kind.advice(next(iter(lost)))}"
    )


def _keys(path: Iterable[str]) -> str:
    return "".join(f"[{key[:LONGEST_KEY]!r}]".replace("'", '"') for key in path)
