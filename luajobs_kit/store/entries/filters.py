"""Mongo-style filters over JSON objects, exactly: what each operator means is in ``compile_filter``."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from luajobs_kit.errors import InvalidInput
from luajobs_kit.json_walk import shortened

MOST_STEPS: Final = 20_000_000  # some ten seconds; 100,000 small entries take less than one


class Steps:
    """Counted as they are taken, and not by the clock: the same look always ends the same way."""

    def __init__(self) -> None:
        self._left = MOST_STEPS

    def take(self, count: int = 1) -> None:
        """Count comparisons. Raises ``InvalidInput`` when there were too many."""
        self._left -= count
        if self._left < 0:
            raise InvalidInput(
                f"This takes more than {MOST_STEPS:,} comparisons and was given up. Ask for less: "
                "filter by fewer values and plainer fields, or spread the entries over collections."
            )


Test = Callable[[Any], bool]  # of an entry's object
Found = Callable[[list[Any]], bool]  # of the values that stand under a name
_DEEPEST: Final = 32  # $and and $or inside one another
_LONGEST: Final = 20  # digits; no array has such a position, and int() refuses some thousand


def compile_filter(given: Mapping[str, Any] | None, steps: Steps) -> Test:
    """Return a function that says whether an object satisfies ``given``; None: all do.

    - ``{"a.b": v}`` is ``{"a.b": {"$eq": v}}``; all conditions of one object must hold. A dotted
      name goes into objects, and into arrays by position (``items.0.sku``) or through all
      their members (``items.sku``). A key that itself holds the dots is found too.
    - Values are equal when they are equal as JSON: ``1`` is ``1.0``, never ``"1"`` or ``true``.
      A field that is an array also equals what one of its members equals.
    - ``None`` equals null and a missing field. ``$ne`` and ``$nin`` are the opposites of ``$eq``
      and ``$in``, so they hold for a missing field.
    - ``$gt $gte $lt $lte`` compare numbers with numbers and text with text (by code point, so
      ISO times in one zone compare as times); between different types they do not hold.
    - ``{"$exists": true}`` holds where the field is there, null or not; with false where it is not.
    - ``$and`` and ``$or`` take an array of filters.

    The function takes ``steps``. Raises ``InvalidInput``, naming what is wrong and what is known.
    """
    if given is None:
        return _always
    return _Reading(steps).all_of(given, "filter", 0)


class _Reading:
    """Turns the parts of one filter into functions."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def all_of(self, given: Any, where: str, depth: int) -> Test:
        if not isinstance(given, Mapping):
            raise InvalidInput(
                f'{where} must be an object such as {{"status": "open"}}; got {shortened(given)}.'
            )
        if depth > _DEEPEST:
            raise InvalidInput(f"{where} is nested deeper than {_DEEPEST}.")
        tests: list[Test] = []
        for name, value in given.items():
            if name in ("$and", "$or"):
                if not isinstance(value, list | tuple) or not value:
                    raise InvalidInput(
                        f"{where}: {name} takes an array of filters; got {shortened(value)}."
                    )
                parts = [
                    self.all_of(part, f"{where}.{name}[{place}]", depth + 1)
                    for place, part in enumerate(value)
                ]
                tests.append(_every(parts) if name == "$and" else _some(parts))
            elif not isinstance(name, str) or name.startswith("$"):
                raise InvalidInput(
                    f"{where}: {name!r} is not known here; use field names, $and or $or, and put"
                    f' operators below a field: {{"price": {{"$gt": 10}}}}.'
                )
            else:
                tests.append(self._field(name, value, where))
        return _every(tests)

    def _field(self, name: str, value: Any, where: str) -> Test:
        if not isinstance(value, Mapping) or not any(str(key).startswith("$") for key in value):
            return self._at(name, self._equals(value))
        tests = []
        for word, operand in value.items():
            if word not in _OPERATORS:
                known = " ".join(sorted(_OPERATORS))
                raise InvalidInput(
                    f"{where}.{name}: {word!r} is not a known operator; use {known}."
                )
            if word in ("$in", "$nin") and not isinstance(operand, list | tuple):
                raise InvalidInput(
                    f"{where}.{name}: {word} takes an array; got {shortened(operand)}."
                )
            if word == "$exists" and not isinstance(operand, bool):
                raise InvalidInput(
                    f"{where}.{name}: {word} takes true or false; got {shortened(operand)}."
                )
            tests.append(self._at(name, self._operator(word, operand)))
        return _every(tests)

    def _operator(self, name: str, operand: Any) -> Found:
        match name:
            case "$eq":
                return self._equals(operand)
            case "$ne":
                return _opposite(self._equals(operand))
            case "$in":
                return self._among(operand)
            case "$nin":
                return _opposite(self._among(operand))
            case "$exists":
                return lambda found: bool(found) is operand
        return self._ordered(_ORDERS[name], operand)

    def _at(self, name: str, test: Found) -> Test:
        """Give ``test`` the values that stand under ``name``; none when the field is missing."""
        path = name.split(".")

        def holds(entry: Any) -> bool:
            found: list[Any] = []
            self._collect(entry, path, 0, found, set())
            if len(path) > 1 and isinstance(entry, Mapping) and name in entry:
                found.append(entry[name])
            return test(found)

        return holds

    def _collect(
        self,
        value: Any,
        path: list[str],
        at: int,
        found: list[Any],
        seen: set[tuple[int, int]],
    ) -> None:
        """Add to ``found`` what stands under the names of ``path`` from ``at`` on.

        A list can be come to in many ways (a name may be passed over, or be a position), and so
        can each list in it: ``seen`` are those that were looked through, and from which name on.
        """
        self._steps.take()
        if at == len(path):
            found.append(value)
        elif isinstance(value, Mapping):
            if path[at] in value:
                self._collect(value[path[at]], path, at + 1, found, seen)
        elif isinstance(value, list) and (id(value), at) not in seen:
            seen.add((id(value), at))
            name = path[at]
            if len(name) < _LONGEST and name.isdecimal() and int(name) < len(value):
                self._collect(value[int(name)], path, at + 1, found, seen)
            for member in value:
                if isinstance(member, Mapping):
                    self._collect(member, path, at, found, seen)

    def _equals(self, operand: Any) -> Found:
        def test(found: list[Any]) -> bool:
            if operand is None and not found:
                return True
            return any(
                self._same(value, operand)
                or (isinstance(value, list) and any(self._same(each, operand) for each in value))
                for value in found
            )

        return test

    def _among(self, operand: Sequence[Any]) -> Found:
        wanted = {self._key(each) for each in operand}  # one look a value, however many are named

        def test(found: list[Any]) -> bool:
            if not found and None in wanted:
                return True
            return any(
                self._key(value) in wanted
                or (isinstance(value, list) and any(self._key(each) in wanted for each in value))
                for value in found
            )

        return test

    def _key(self, value: Any) -> Any:
        """Return what can be looked up, and is equal for JSON values that are the ``_same``."""
        self._steps.take()
        if isinstance(value, Mapping):
            return frozenset((name, self._key(each)) for name, each in value.items())
        if isinstance(value, list | tuple):
            return tuple(map(self._key, value))
        return (bool, value) if isinstance(value, bool) else value

    def _ordered(self, holds: Callable[[Any, Any], bool], operand: Any) -> Found:
        def one(value: Any) -> bool:
            self._steps.take()
            return comparable(value, operand) and holds(value, operand)

        def test(found: list[Any]) -> bool:
            return any(
                one(value) or (isinstance(value, list) and any(map(one, value))) for value in found
            )

        return test

    def _same(self, left: Any, right: Any) -> bool:
        """Return whether two JSON values are equal; true is not 1, the order of keys is nothing."""
        self._steps.take()
        if isinstance(left, bool) or isinstance(right, bool):
            return left is right
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            return left.keys() == right.keys() and all(
                self._same(left[key], right[key]) for key in left
            )
        if isinstance(left, list | tuple) and isinstance(right, list | tuple):
            return len(left) == len(right) and all(map(self._same, left, right))
        return bool(left == right)


def comparable(left: Any, right: Any) -> bool:
    """Return whether one of two JSON values can be the greater."""
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    return numbers or (isinstance(left, str) and isinstance(right, str))


def _opposite(test: Found) -> Found:
    return lambda found: not test(found)


def _every(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda entry: all(test(entry) for test in tests)


def _some(tests: list[Test]) -> Test:
    return lambda entry: any(test(entry) for test in tests)


def _always(_: Any) -> bool:
    return True


_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_OPERATORS: Final = frozenset({"$eq", "$ne", "$in", "$nin", "$exists", *_ORDERS})
