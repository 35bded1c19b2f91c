"""Greet whose birthday it is."""

from datetime import date

from luajobs_kit import Data


def has_birthday(born, today):
    return born[5:] == today.strftime("%m-%d")


async def birthdays(job):
    today = date.fromisoformat(job.metadata["today"]) if "today" in job.metadata else date.today()
    greeted = []
    for friend in await Data.get("friends"):
        if has_birthday(friend.data["born"], today):
            greeted.append(friend.data["name"])
    if greeted:
        user = await job.user()
        await user.send("🎂 " + ", ".join(greeted))
    return greeted
