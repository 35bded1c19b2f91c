"""Drink a glass of water each hour of the day, not of the night."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

DAY = (time(8), time(20))


class Reminder:
    def __init__(self, zone):
        self.zone = ZoneInfo(zone)

    def is_day(self, moment):
        begin, end = DAY
        return begin <= moment.astimezone(self.zone).time() < end


async def water(job):
    reminder = Reminder(job.metadata["zone"])
    at = datetime.fromisoformat(job.metadata["at"])
    if reminder.is_day(at):
        await (await job.user()).send("💧")
        return True
    return False
