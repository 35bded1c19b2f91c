"""Filters: each operator's meaning, and any filter against a plain reading of those words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luajobs_kit.errors import InvalidInput
from luajobs_kit.store.entries.filters import Steps, compile_filter

CASES = [
    # filter, what it matches, what it does not
    ({}, [{}, {"a": 1}], []),
    ({"a": 1}, [{"a": 1}, {"a": 1.0}, {"a": [2, 1]}], [{"a": "1"}, {"a": True}, {"a": 2}, {}]),
    ({"a": True}, [{"a": True}], [{"a": 1}, {"a": "true"}, {}]),
    ({"a": 0}, [{"a": 0}, {"a": -0.0}], [{"a": False}, {"a": None}, {"a": ""}, {}]),
    ({"a": "x"}, [{"a": "x"}], [{"a": "X"}, {"a": "x "}]),
    ({"a": None}, [{"a": None}, {}, {"a": [None]}], [{"a": 0}, {"a": ""}, {"a": []}]),
    ({"a": [1, 2]}, [{"a": [1, 2]}, {"a": [[1, 2]]}], [{"a": [2, 1]}, {"a": 1}]),
    ({"a": {"b": 1}}, [{"a": {"b": 1}}], [{"a": {"b": 1, "c": 2}}, {"a": {}}]),
    ({"a": {}}, [{"a": {}}], [{}, {"a": {"b": 1}}]),
    ({"a.b": 1}, [{"a": {"b": 1}}, {"a": [{"b": 2}, {"b": 1}]}, {"a.b": 1}], [{"a": 1}, {"b": 1}]),
    ({"a.1": "x"}, [{"a": ["y", "x"]}, {"a": {"1": "x"}}], [{"a": ["x", "y"]}, {"a": "yx"}]),
    ({"a." + "9" * 5000: 1}, [{"a": {"9" * 5000: 1}}], [{"a": [1]}, {"a": [{"9": 1}]}]),
    ({"a": {"$eq": "x"}}, [{"a": "x"}], [{"a": "y"}, {}]),
    ({"a": {"$ne": 1}}, [{"a": 2}, {"a": "1"}, {"a": True}, {}], [{"a": 1}, {"a": [1]}]),
    ({"a": {"$ne": None}}, [{"a": 0}], [{"a": None}, {}]),
    (
        {"a": {"$gt": 5}},
        [{"a": 6}, {"a": 5.1}, {"a": [1, 9]}],
        [{"a": 5}, {"a": "6"}, {"a": True}, {}],
    ),
    ({"a": {"$gte": 5}}, [{"a": 5}, {"a": 5.0}], [{"a": 4}, {"a": None}]),
    ({"a": {"$lt": 1}}, [{"a": 0}, {"a": -1.5}], [{"a": False}, {"a": None}, {}, {"a": 1}]),
    ({"a": {"$lte": "m"}}, [{"a": "a"}, {"a": "m"}], [{"a": "n"}, {"a": 1}]),
    ({"a": {"$gt": 2**60}}, [{"a": 2**60 + 1}], [{"a": 2**60}]),
    ({"a": {"$gte": 2, "$lt": 4}}, [{"a": 2}, {"a": 3}], [{"a": 4}, {"a": 1}]),
    (
        {"a": {"$in": [1, "x", None]}},
        [{"a": 1}, {"a": "x"}, {}, {"a": ["x"]}],
        [{"a": 2}, {"a": True}],
    ),
    ({"a": {"$in": []}}, [], [{"a": 1}, {}]),
    ({"a": {"$nin": [1, None]}}, [{"a": 2}, {"a": True}], [{"a": 1}, {}, {"a": None}]),
    ({"a": 1, "b": {"$ne": 2}}, [{"a": 1}, {"a": 1, "b": 3}], [{"a": 1, "b": 2}, {"b": 3}]),
    ({"$or": [{"a": 1}, {"b": 2}]}, [{"a": 1}, {"b": 2}], [{"a": 2}, {}]),
    ({"$and": [{"a": {"$gt": 1}}, {"a": {"$lt": 3}}]}, [{"a": 2}], [{"a": 1}, {"a": 3}]),
    ({"": 1}, [{"": 1}], [{}]),
    ({"$or": [{"$and": [{"a": 1}, {"b": 1}]}, {"c": 1}]}, [{"c": 1}, {"a": 1, "b": 1}], [{"a": 1}]),
]


@pytest.mark.parametrize(
    ("wanted", "yes", "no"), CASES, ids=[json.dumps(case[0])[:60] for case in CASES]
)
def test_a_filter_matches_exactly_what_its_words_say(wanted, yes, no):
    holds = compile_filter(wanted, Steps())
    assert [each for each in yes if not holds(each)] == []
    assert [each for each in no if holds(each)] == []


def test_lists_in_lists_are_looked_through_once_however_many_ways_lead_to_them() -> None:
    nested: Any = 7
    for _ in range(30):
        nested = [{"0": nested}]
    for parts in range(62):
        named = ".".join(["0"] * (parts + 1))
        # By every way it took hours, and more steps than there may be.
        assert compile_filter({named: 7}, Steps())({"0": nested}) == (30 <= parts <= 60), parts


def test_many_values_are_looked_for_among_many_without_comparing_each_with_each() -> None:
    texts, pairs = [f"{n}" for n in range(50_000)], [{"a": [n]} for n in range(20_000)]
    for values in (texts, pairs):
        half = len(values) // 2
        entry = {"a": values[half:]}
        assert not compile_filter({"a": {"$in": values[:half]}}, Steps())(entry)
        assert compile_filter({"a": {"$in": values[: half + 1]}}, Steps())(entry)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"a": {"$like": "x"}}, r"filter\.a: '\$like' is not a known operator; use \$eq"),
        ({"a": {"$gt": 1, "b": 2}}, "'b' is not a known operator"),
        ({"$gt": 1}, "put operators below a field"),
        ({"a": {"$in": "abc"}}, "takes an array"),
        ({"$or": []}, "takes an array of filters"),
        ({"$and": [{"$or": [1]}]}, r"filter\.\$and\[0\]\.\$or\[0\] must be an object"),
        ([], "must be an object"),
        ("status", "must be an object"),
    ],
)
def test_a_wrong_filter_is_refused_naming_the_place(wrong, message):
    with pytest.raises(InvalidInput, match=message):
        compile_filter(wrong, Steps())


def test_endless_nesting_is_refused():
    nested = {"a": 1}
    for _ in range(200):
        nested = {"$and": [nested]}
    with pytest.raises(InvalidInput, match="deeper"):
        compile_filter(nested, Steps())


# The oracle: JSON values become (type, value) pairs, so Python's own == is exact on them.

KINDS = {bool: "bool", type(None): "null", int: "number", float: "number", str: "text"}


def typed(value):
    if isinstance(value, dict):
        return ("object", frozenset((key, typed(each)) for key, each in value.items()))
    if isinstance(value, list):
        return ("array", tuple(typed(each) for each in value))
    return (KINDS[type(value)], value)


def into_object(value, path):
    first, _, rest = path.partition(".")
    if first in value:
        yield from into_any(value[first], rest) if rest else [value[first]]


def into_any(value, path):
    if isinstance(value, dict):
        yield from into_object(value, path)
    elif isinstance(value, list):
        first, _, rest = path.partition(".")
        if first.isdecimal() and int(first) < len(value):
            yield from into_any(value[int(first)], rest) if rest else [value[int(first)]]
        for member in value:
            if isinstance(member, dict):
                yield from into_object(member, path)


def found_under(data, name):
    found = list(into_object(data, name))
    if "." in name and name in data:
        found.append(data[name])
    spread = []
    for each in found:
        spread.append(each)
        if isinstance(each, list):
            spread.extend(each)
    return found, spread


def oracle(wanted, data):
    for name, condition in wanted.items():
        if name == "$and":
            if not all(oracle(part, data) for part in condition):
                return False
            continue
        if name == "$or":
            if not any(oracle(part, data) for part in condition):
                return False
            continue
        found, spread = found_under(data, name)
        operators = isinstance(condition, dict) and any(key.startswith("$") for key in condition)
        for operator, operand in (condition if operators else {"$eq": condition}).items():
            is_in = operand if operator in ("$in", "$nin") else [operand]
            equal = any(
                (each is None and not found) or typed(each) in map(typed, spread) for each in is_in
            )
            kind, right = typed(operand)
            lefts = [left for of, left in map(typed, spread) if of == kind in ("number", "text")]
            answer = {
                "$eq": equal,
                "$in": equal,
                "$ne": not equal,
                "$nin": not equal,
                "$gt": any(left > right for left in lefts),
                "$gte": any(left >= right for left in lefts),
                "$lt": any(left < right for left in lefts),
                "$lte": any(left <= right for left in lefts),
            }[operator]
            if not answer:
                return False
    return True


scalars = st.sampled_from([None, True, False, 0, 1, 1.0, 2, -1, 0.5, "", "1", "a", "b", "true"])
keys = st.sampled_from(["a", "b", "0", "1", "a.b"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(keys, values, max_size=4)
names = st.sampled_from(["a", "b", "a.b", "a.a", "a.0", "a.0.b", "b.1", "a.b.a", "0", "c"])
one = st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"])
conditions = (
    values
    | st.dictionaries(one, values, min_size=1, max_size=2)
    | st.dictionaries(st.sampled_from(["$in", "$nin"]), st.lists(values, max_size=3), min_size=1)
)
filters = st.recursive(
    st.dictionaries(names, conditions, max_size=2),
    lambda inner: st.dictionaries(
        st.sampled_from(["$and", "$or"]), st.lists(inner, min_size=1, max_size=3), min_size=1
    ),
    max_leaves=4,
)


@given(filters, st.lists(objects, min_size=1, max_size=5))
def test_any_filter_agrees_with_a_plain_reading_of_its_words(wanted, kept):
    holds = compile_filter(wanted, Steps())
    assert [holds(each) for each in kept] == [oracle(wanted, each) for each in kept]
