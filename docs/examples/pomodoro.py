"""Four rounds of work with breaks between them."""

import asyncio

ROUNDS = 4
WORK = 0.01
BREAK = 0.005


async def say(job, text):
    user = await job.user()
    await user.send(text)


async def pomodoro(job):
    async for number in job.track(range(1, ROUNDS + 1), text="rounds"):
        await say(job, f"Round {number}: work")
        await asyncio.sleep(WORK)
        await say(job, "Break")
        await asyncio.sleep(BREAK)
