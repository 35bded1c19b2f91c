"""Remind somebody of something."""

import logging

logger = logging.getLogger(__name__)


async def reminder(job):
    user = await job.user()
    await user.send(f"⏰ {job.metadata['message']}")
    logger.info("reminded %s", user.id)
