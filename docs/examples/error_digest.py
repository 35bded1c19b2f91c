"""Count the errors of the day by their kind."""

import json
import re
from collections import Counter

from luajobs_kit import http

LINE = re.compile(r"^(?P<level>[A-Z]+) (?P<kind>\w+): (?P<text>.*)$", re.MULTILINE)


async def error_digest(job):
    response = await http.get("https://example.org/app.log")
    kinds = Counter(
        found["kind"] for found in LINE.finditer(response.text) if found["level"] == "ERROR"
    )
    user = await job.user()
    await user.send(json.dumps(dict(kinds.most_common(3))))
    return kinds.total()
