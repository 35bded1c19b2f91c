"""Send what was noted, by day."""

import textwrap
from collections import defaultdict

from luajobs_kit import Data


async def digest(job):
    by_day = defaultdict(list)
    for entry in await Data.get("notes"):
        by_day[entry.data["day"]].append(entry.data["text"])
    lines = [f"{day}: {', '.join(texts)}" for day, texts in sorted(by_day.items())]
    user = await job.user()
    await user.send(textwrap.shorten("; ".join(lines), width=200))
    return len(lines)
