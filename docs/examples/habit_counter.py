"""Count the days in a row on which something was done."""

from datetime import date, timedelta


def next_streak(streak, last, today):
    if last == (today - timedelta(days=1)).isoformat():
        return streak + 1
    return 1


async def habit_counter(job):
    today = date.today()
    streak = next_streak(job.metadata.get("streak", 0), job.metadata.get("last"), today)
    await job.update_metadata({"streak": streak, "last": today.isoformat()})
    if streak % 7 == 0:
        user = await job.user()
        await user.send(f"{streak} days in a row!")
    return streak
