"""Ask the team each morning of a working day."""

from datetime import datetime
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
QUESTIONS = ("What did you do yesterday?", "What will you do today?", "What is in your way?")


def is_working_day(moment):
    return moment.weekday() < 5


async def standup(job):
    now = datetime.now(BERLIN)
    if not is_working_day(now):
        return "weekend"
    user = await job.user()
    for question in QUESTIONS:
        await user.send(question)
    return f"{now:%A}"
