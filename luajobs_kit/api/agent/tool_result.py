"""Results of tools as JSON: models, dates, and the values of numpy and pandas among them.

One rule for what is missing: NaN, pandas' NA and NaT are None, wherever they stand. An infinity is
refused, for JSON has no form for it and None would hide it. Bytes stay bytes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from typing import Any, Final

from pydantic import TypeAdapter

from luajobs_kit.bytes_in_json import pack, unpack
from luajobs_kit.json_walk import DEEPEST

_ANY: Final = TypeAdapter(Any)
_AS_THEY_ARE: Final = frozenset({str, int, bool, type(None), bytes})


def plain(result: Any, output_schema: Any = None) -> Any:
    """Return a result as plain JSON in which bytes are left as they are.

    ``output_schema`` is a type that it must fit; raises pydantic's ``ValidationError`` where it
    does not, ``ValueError`` or ``TypeError`` for what JSON has no form for.
    """
    if output_schema is not None:
        result = TypeAdapter(output_schema).validate_python(converted(result))
    flat = converted(_ANY.dump_python(result, by_alias=True))  # models as dicts, bytes as bytes
    return unpack(_ANY.dump_python(pack(flat), mode="json"))


def converted(value: Any, trail: list[Any] | None = None) -> Any:
    """Return a value with numpy's and pandas' in it as Python's own, and what is missing as None.

    An array is a list; a ``DataFrame`` is a list of its rows, each a dict; a ``Series`` is a dict by
    its labels, or a list where these only number the rows. What is neither a container nor of those
    libraries is returned as it is. ``trail`` has the keys and indexes that lead to the value.

    Raises ``ValueError`` for an infinity, for two labels of one name, and for what is too deep.
    """
    trail = [] if trail is None else trail
    if len(trail) > DEEPEST:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels")
    if type(value) in _AS_THEY_ARE:
        return value
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if pandas is not None and (value is pandas.NaT or value is pandas.NA):
        return None
    if isinstance(value, float):
        return _finite(float(value), trail)
    if isinstance(value, dict):
        return _object(value.items(), trail)
    if isinstance(value, list | tuple | set | frozenset):
        return _listed(value, trail)
    if numpy is not None and isinstance(value, numpy.generic | numpy.ndarray):
        return converted(_of_numpy(value, numpy), trail)
    return value if pandas is None else _of_pandas(value, pandas, trail)


def _shown(trail: list[Any]) -> str:
    return "result" + "".join([f"[{step!r}]" for step in trail])


def _finite(number: float, trail: list[Any]) -> float | None:
    if math.isinf(number):
        raise ValueError(
            f"{_shown(trail)} is {number}; return None for it, or text such as '{number}'"
        )
    return None if math.isnan(number) else number


def _listed(items: Iterable[Any], trail: list[Any]) -> list[Any]:
    found = []
    trail.append(None)
    for step, item in enumerate(items):
        trail[-1] = step
        found.append(converted(item, trail))
    trail.pop()
    return found


def _object(items: Iterable[tuple[Any, Any]], trail: list[Any]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    trail.append(None)
    for label, item in items:
        key = _key(label)
        if key in found:
            raise ValueError(
                f"{_shown(trail[:-1])} has two labels that are {key!r} in JSON; give each a name of "
                "its own"
            )
        trail[-1] = key
        found[key] = converted(item, trail)
    trail.pop()
    return found


def _key(label: Any) -> str:
    """Return a label as a key of JSON: numbers and dates as text."""
    if isinstance(label, str):
        return str(label)
    key = label if isinstance(label, tuple) else converted(label)
    [text] = _ANY.dump_python({key: None}, mode="json")
    return str(text)


def _of_numpy(value: Any, numpy: Any) -> Any:
    """Return a scalar or array of numpy as Python's, one level of it."""
    kind = value.dtype.kind
    if isinstance(value, numpy.ndarray):
        # tolist() would make integers of nanoseconds, and lose the names of a record's fields.
        return list(value) if kind in "mMV" and value.ndim else value.tolist()
    if kind == "V" and value.dtype.names:
        return {name: value[name] for name in value.dtype.names}
    if kind in "mM":
        if numpy.isnat(value):
            return None
        whole_days = kind == "M" and numpy.datetime_data(value.dtype)[0] in {"Y", "M", "W", "D"}
        return value.astype(f"{kind}8[{'D' if whole_days else 'us'}]").item()
    return float(value) if kind == "f" else value.item()


def _of_pandas(value: Any, pandas: Any, trail: list[Any]) -> Any:
    if isinstance(value, pandas.DataFrame):
        framed = value.reset_index() if _has_labels(value.index, pandas) else value
        found = []
        trail.append(None)
        for step, row in enumerate(framed.itertuples(index=False, name=None)):
            trail[-1] = step
            found.append(_object(zip(framed.columns, row, strict=True), trail))
        trail.pop()
        return found
    if isinstance(value, pandas.Series):
        if _has_labels(value.index, pandas):
            return _object(zip(value.index, value.tolist(), strict=True), trail)
        return _listed(value.tolist(), trail)
    if isinstance(value, pandas.Index | pandas.api.extensions.ExtensionArray):
        return _listed(value, trail)
    if isinstance(value, pandas.Period | pandas.Interval):
        return str(value)
    return value


def _has_labels(index: Any, pandas: Any) -> bool:
    """Whether an index says more than the number of each row."""
    return (
        index.nlevels > 1
        or index.name is not None
        or not (len(index) == 0 or pandas.api.types.is_integer_dtype(index.dtype))
    )
