"""Watch the price on a page, and tell when it falls below a limit."""

import re

from luajobs_kit import http

PAGE = "https://example.org/product"
PRICE = re.compile(r"€\s*(\d+[.,]\d\d)")


def price_on(page):
    found = PRICE.search(page)
    if found is None:
        raise ValueError("no price on the page")
    return float(found.group(1).replace(",", "."))


async def price_watch(job):
    response = await http.get(PAGE)
    price = price_on(response.text)
    if price < job.metadata["limit"]:
        user = await job.user()
        await user.send(f"Now only € {price:.2f}")
    return price
