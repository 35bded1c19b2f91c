"""Delete what is older than a month."""

from datetime import datetime, timedelta, timezone

from luajobs_kit import Data

KEPT = timedelta(days=30)


async def clean_up(job):
    cutoff = datetime.now(timezone.utc) - KEPT
    deleted = 0
    for entry in await Data.get("logs"):
        if datetime.fromisoformat(entry.data["at"]) < cutoff:
            await entry.delete()
            deleted += 1
    job.log.info("%d entries deleted", deleted)
    return deleted
