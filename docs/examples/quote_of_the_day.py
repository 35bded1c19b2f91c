"""Send a quote that was not sent lately."""

import random

QUOTES = [
    "Simple is better than complex.",
    "Readability counts.",
    "Errors should never pass silently.",
    "Now is better than never.",
]


async def quote_of_the_day(job):
    lately = job.metadata.get("lately", [])
    chosen = random.choice([each for each in QUOTES if each not in lately])
    await job.update_metadata({"lately": [*lately, chosen][-2:]})
    user = await job.user()
    await user.send(chosen)
