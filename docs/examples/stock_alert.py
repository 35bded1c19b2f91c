"""Tell when a share moved by more than some percent since the last look."""

import os
from decimal import Decimal

import requests

BASE = "https://example.org"
QUOTES = f"{BASE}/quotes"
TOKEN = os.getenv("STOCK_TOKEN", "")


def quote(symbol):
    answer = requests.get(
        QUOTES, params={"symbol": symbol}, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10
    )
    answer.raise_for_status()
    return Decimal(answer.json()["price"])


async def stock_alert(job):
    symbol = job.metadata["symbol"]
    now, before = quote(symbol), job.metadata.get("price")
    if before is not None:
        change = (now - Decimal(before)) / Decimal(before) * 100
        if abs(change) >= job.metadata["percent"]:
            user = await job.user()
            await user.send(f"{symbol} moved by {change:+.1f} %")
    await job.update_metadata({"price": str(now)})
