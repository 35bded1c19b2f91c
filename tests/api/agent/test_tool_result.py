"""What tools return: the values of numpy and pandas as JSON, what is missing as None."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from luajobs_kit import Jobs, LuaTool, ToolError, every, lua_tool
from luajobs_kit.api.agent.tool_result import plain

NAN = float("nan")


class Found(BaseModel):
    value: Any


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (NAN, None),
        ({"a": [NAN, (1.5, NAN)]}, {"a": [None, [1.5, None]]}),
        (Found(value=NAN), {"value": None}),
        ({1: date(2030, 1, 7), 2.5: {3}}, {"1": "2030-01-07", "2.5": [3]}),
        ({"d": Decimal("1.10"), "b": b"\x89"}, {"d": "1.10", "b": b"\x89"}),
    ],
)
def test_what_is_missing_is_none_and_the_rest_is_json(given, found):
    assert plain(given) == found


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (float("inf"), "result is inf; return None for it"),
        ([{"a": (1, -float("inf"))}], "result[0]['a'][1] is -inf"),
        ([{1: 2, "1": 3}], "result[0] has two labels that are '1' in JSON"),
    ],
)
def test_what_json_cannot_say_is_refused_with_its_place(given, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        plain(given)


def test_values_of_numpy():
    np = pytest.importorskip("numpy")
    assert plain(
        {
            "scalars": [
                np.int64(3),
                np.float32(0.5),
                np.bool_(True),
                np.str_("a"),
                np.longdouble(2),
            ],
            "missing": [np.float64("nan"), np.datetime64("NaT"), np.array([1.0, np.nan])],
            np.int64(7): np.array([[1, 2], [3, 4]]),
            "zero": np.array(5),
            "times": np.array(["2030-01-07T08:00:00.123456789"], dtype="M8[ns]"),
            "day": np.datetime64("2030-01-07"),
            "rows": np.array([(1, 2.5)], dtype=[("a", int), ("b", float)]),
            "masked": np.ma.array([1, 2], mask=[False, True]),
            "model": Found(value=np.arange(2)),
        }
    ) == {
        "scalars": [3, 0.5, True, "a", 2.0],
        "missing": [None, None, [1.0, None]],
        "7": [[1, 2], [3, 4]],
        "zero": 5,
        "times": ["2030-01-07T08:00:00.123456"],
        "day": "2030-01-07",
        "rows": [{"a": 1, "b": 2.5}],
        "masked": [1, None],
        "model": {"value": [0, 1]},
    }
    with pytest.raises(ValueError, match="inf"):
        plain(np.array([np.inf]))


def test_values_of_pandas():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {"city": ["Rome", None], "price": [1.5, NAN], "at": pd.to_datetime(["2030-01-07", None])}
    )
    rows = [
        {"city": "Rome", "price": 1.5, "at": "2030-01-07T00:00:00"},
        {"city": None, "price": None, "at": None},
    ]
    assert plain(frame) == rows
    assert plain(frame[frame.index > 0]) == rows[1:]  # row numbers are left out
    assert plain(frame.set_index("city")[["price"]]) == [
        {"city": "Rome", "price": 1.5},
        {"city": None, "price": None},
    ]
    assert plain(frame["price"]) == [1.5, None]
    assert plain(frame[["price"]].mean()) == {"price": 1.5}
    assert plain({"top": frame["city"].value_counts()}) == {"top": {"Rome": 1}}
    assert plain([pd.NA, pd.NaT, pd.Timestamp("2030-01-07"), pd.Period("2030-01")]) == [
        None,
        None,
        "2030-01-07T00:00:00",
        "2030-01",
    ]
    assert plain(pd.Categorical(["a", "b"])) == ["a", "b"]
    assert plain(pd.DataFrame()) == []
    with pytest.raises(ValueError, match="'a' in JSON"):
        plain(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(ValueError, match=r"result\['top'\]\[1\]\['a'\] is inf"):
        plain({"top": pd.DataFrame({"a": [1, float("inf")]})})


async def test_a_job_and_a_notebook_get_the_same(ws):
    np = pytest.importorskip("numpy")

    @ws.tool
    def report() -> list:
        return [np.int64(1), np.float64("nan"), b"x"]

    assert await ws.tools.report() == [1, None, b"x"]

    async def execute(job):
        return (await tools.report())[:2]  # noqa: F821 - job code has it

    job = await Jobs.create(name="asks", schedule=every(hours=1), execute=execute)
    assert (await (await job.trigger()).wait()).result == [1, None]


class Total(BaseModel):
    total: int


async def test_the_output_schema_takes_numpys_numbers(ws):
    np = pytest.importorskip("numpy")

    @lua_tool(output_schema=Total)
    async def total() -> dict:
        """Add up"""
        return {"total": np.int64(3)}

    @lua_tool
    async def picture() -> object:
        """Return what is no JSON"""
        return object()

    assert await total.call({}) == {"total": 3}
    with pytest.raises(ToolError, match="picture returned what JSON has no form for"):
        await picture.call({})
    assert isinstance(total, LuaTool)
