"""Words for what Python says of an integer with more decimal digits than it converts.

It advises ``sys.set_int_max_str_digits()``, which no job has (CVE-2020-10735 is why there is a limit).
"""

from __future__ import annotations

import re
from typing import Final

_TOO_LONG: Final = re.compile(
    r"Exceeds the limit \((\d+) digits\) for integer string conversion"
    r"(?:: value has (\d+) digits)?; use sys\.set_int_max_str_digits\(\) to increase the limit(.*)"
)


def in_our_words(message: str) -> str:
    """Return the message with advice that a job can follow; any other message as it is."""
    found = _TOO_LONG.search(message)
    if found is None:
        return message
    limit, digits, literal = found.groups()
    has = f"{int(digits):,} digits, more" if digits else "more digits"
    advice = (
        "write it in hexadecimal, 0x…"
        if literal
        else "hex(number) and int(text, 16) convert any number"
    )
    return f"an integer has {has} than the {int(limit):,} that Python converts; {advice}"
