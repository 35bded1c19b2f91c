"""Units of time that ``once`` and ``every`` do not have, and what to write instead.

A week is seven days. A month, a quarter and a year have no fixed length: only cron counts
them, and only a date is a month ahead.
"""

from __future__ import annotations

from typing import Final

_DAYS: Final = {"week": 7, "fortnight": 14}
_BY_CRON: Final = {"month": "0 0 1 * *", "quarter": "0 0 1 1,4,7,10 *", "year": "0 0 1 1 *"}


def instead_of_unit(call: str, unit: str, amount: object) -> str | None:
    """Return what to write in ``call`` (once or every) for a unit it does not have, or None.

    Such as ``a week is 7 days: write every(days=14)`` for ``every(weeks=2)``.
    """
    if call not in {"once", "every"}:
        return None
    one = unit.lower().removesuffix("s")
    if one in _DAYS:
        number = isinstance(amount, int | float) and amount > 0
        days = amount * _DAYS[one] if number else _DAYS[one]  # type: ignore[operator]  # a number
        return f"a {one} is {_DAYS[one]} days: write {call}(days={days:g})"
    if one not in _BY_CRON:
        return None
    if call == "once":
        return f"a {one} has no fixed length; write once(at=datetime(…)), or days=…"
    return f'a {one} has no fixed length; write cron("{_BY_CRON[one]}"), the first of each {one}'
