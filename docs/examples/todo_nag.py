"""Nag about what is overdue, the oldest first."""

from datetime import date
from operator import itemgetter

from luajobs_kit import Data


async def todo_nag(job):
    today = job.metadata.get("today") or date.today().isoformat()
    open_ones = [entry.data for entry in await Data.get("todos") if not entry.data["done"]]
    overdue = sorted((each for each in open_ones if each["due"] < today), key=itemgetter("due"))
    if overdue:
        user = await job.user()
        await user.send(
            "\n".join(f"{number}. {each['what']}" for number, each in enumerate(overdue, 1))
        )
    return len(overdue)
