"""Mongo-style filters over JSON objects, exactly: what each operator means is in ``compile_filter``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from luajobs_kit.errors import InvalidInput

Test = Callable[[Any], bool]
_DEEPEST: Final = 32  # $and and $or inside one another
_LONGEST: Final = 20  # digits; no array has such a position, and int() refuses some thousand


def compile_filter(given: Mapping[str, Any] | None) -> Test:
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
    - ``$and`` and ``$or`` take an array of filters.

    Raises ``InvalidInput``, naming what is wrong and what is known.
    """
    if given is None:
        return _always
    return _all_of(given, "filter", 0)


def _all_of(given: Any, where: str, depth: int) -> Test:
    if not isinstance(given, Mapping):
        raise InvalidInput(
            f'{where} must be an object such as {{"status": "open"}}; got {given!r}.'
        )
    if depth > _DEEPEST:
        raise InvalidInput(f"{where} is nested deeper than {_DEEPEST}.")
    tests: list[Test] = []
    for name, value in given.items():
        if name in ("$and", "$or"):
            if not isinstance(value, list | tuple) or not value:
                raise InvalidInput(f"{where}: {name} takes an array of filters; got {value!r}.")
            parts = [
                _all_of(part, f"{where}.{name}[{place}]", depth + 1)
                for place, part in enumerate(value)
            ]
            tests.append(_every(parts) if name == "$and" else _some(parts))
        elif not isinstance(name, str) or name.startswith("$"):
            raise InvalidInput(
                f"{where}: {name!r} is not known here; use field names, $and or $or, and put"
                f' operators below a field: {{"price": {{"$gt": 10}}}}.'
            )
        else:
            tests.append(_field(name, value, where))
    return _every(tests)


def _field(name: str, value: Any, where: str) -> Test:
    if isinstance(value, Mapping) and any(str(key).startswith("$") for key in value):
        tests = []
        for operator, operand in value.items():
            if operator not in _OPERATORS:
                known = " ".join(sorted(_OPERATORS))
                raise InvalidInput(
                    f"{where}.{name}: {operator!r} is not a known operator; use {known}."
                )
            if operator in ("$in", "$nin") and not isinstance(operand, list | tuple):
                raise InvalidInput(f"{where}.{name}: {operator} takes an array; got {operand!r}.")
            tests.append(_at(name, _OPERATORS[operator](operand)))
        return _every(tests)
    return _at(name, _equals(value))


def _at(name: str, test: Callable[[list[Any]], bool]) -> Test:
    """Give ``test`` the values that stand under ``name``; none when the field is missing."""
    path = name.split(".")

    def holds(entry: Any) -> bool:
        found: list[Any] = []
        _collect(entry, path, found)
        if len(path) > 1 and isinstance(entry, Mapping) and name in entry:
            found.append(entry[name])
        return test(found)

    return holds


def _collect(value: Any, path: list[str], found: list[Any]) -> None:
    if not path:
        found.append(value)
    elif isinstance(value, Mapping):
        if path[0] in value:
            _collect(value[path[0]], path[1:], found)
    elif isinstance(value, list):
        if len(path[0]) < _LONGEST and path[0].isdecimal() and int(path[0]) < len(value):
            _collect(value[int(path[0])], path[1:], found)
        for member in value:
            if isinstance(member, Mapping):
                _collect(member, path, found)


def _equals(operand: Any) -> Callable[[list[Any]], bool]:
    def test(found: list[Any]) -> bool:
        if operand is None and not found:
            return True
        return any(
            same(value, operand)
            or (isinstance(value, list) and any(same(member, operand) for member in value))
            for value in found
        )

    return test


def _among(operand: Any) -> Callable[[list[Any]], bool]:
    tests = [_equals(each) for each in operand]
    return lambda found: any(test(found) for test in tests)


def _opposite(make: Callable[[Any], Callable[[list[Any]], bool]]) -> Any:
    def operator(operand: Any) -> Callable[[list[Any]], bool]:
        test = make(operand)
        return lambda found: not test(found)

    return operator


def _ordered(holds: Callable[[Any, Any], bool]) -> Any:
    def operator(operand: Any) -> Callable[[list[Any]], bool]:
        def one(value: Any) -> bool:
            return comparable(value, operand) and holds(value, operand)

        def test(found: list[Any]) -> bool:
            return any(
                one(value) or (isinstance(value, list) and any(map(one, value))) for value in found
            )

        return test

    return operator


def same(left: Any, right: Any) -> bool:
    """Return whether two JSON values are equal; true is not 1, the order of keys is nothing."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def comparable(left: Any, right: Any) -> bool:
    """Return whether one of two JSON values can be the greater."""
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    return numbers or (isinstance(left, str) and isinstance(right, str))


def _every(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda entry: all(test(entry) for test in tests)


def _some(tests: list[Test]) -> Test:
    return lambda entry: any(test(entry) for test in tests)


def _always(_: Any) -> bool:
    return True


_OPERATORS: Final[dict[str, Callable[[Any], Callable[[list[Any]], bool]]]] = {
    "$eq": _equals,
    "$ne": _opposite(_equals),
    "$gt": _ordered(lambda left, right: left > right),
    "$gte": _ordered(lambda left, right: left >= right),
    "$lt": _ordered(lambda left, right: left < right),
    "$lte": _ordered(lambda left, right: left <= right),
    "$in": _among,
    "$nin": _opposite(_among),
}
