"""Keep the day's exchange rate."""

from datetime import datetime, timezone
from decimal import ROUND_HALF_UP, Decimal

import httpx

CENT = Decimal("0.01")


def rounded(amount):
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def currency(job):
    with httpx.Client(timeout=10) as client:
        rates = client.get("https://example.org/rates.json").json()["rates"]
    price = rounded(Decimal(job.metadata["euros"]) * Decimal(str(rates["USD"])))
    return {"usd": str(price), "at": datetime.now(timezone.utc).isoformat()}
