"""Quotas: how often runs may ask for what is kept, or begins work of its own.

They count by run, by user and by job, so that nobody uses up what is others'. What a user's jobs
keep as data has a bound by bytes, the setting ``data_bytes``.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Any, Final

from luajobs_kit.clock import Clock
from luajobs_kit.errors import NotAllowed
from luajobs_kit.json_walk import containers
from luajobs_kit.platform.users import MAX_MESSAGE

TRIGGERS: Final = 10  # most times that job code may trigger one job within TRIGGER_WINDOW
TRIGGER_WINDOW: Final = timedelta(minutes=1)
JOBS_CREATED: Final = 10  # most jobs that one run may create
CREATIONS: Final = 100  # most jobs that the runs of one user may create within WINDOW
MESSAGES_SENT: Final = 1_000  # most messages that one run may send
MESSAGE_CHARACTERS: Final = 4 * 2**20  # likewise, all together
MESSAGES: Final = 10_000  # most messages that the runs of one user may send within WINDOW
WINDOW: Final = timedelta(minutes=10)


class Quotas:
    """What all runs together have asked for of late."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._recent: dict[tuple[str, str | None], deque[datetime]] = {}

    def trigger(self, job_id: str) -> None:
        """Raise ``NotAllowed`` when runs trigger a job too often, as a loop of jobs would."""
        self._count(
            ("trigger", job_id),
            TRIGGERS,
            TRIGGER_WINDOW,
            f"Job code triggered {job_id} {TRIGGERS} times within a minute; give it a "
            "schedule such as every(minutes=1) instead.",
        )

    def creation(self, user_id: str | None) -> None:
        """Raise ``NotAllowed`` when a user's runs create jobs too often, as jobs that create jobs would."""
        self._count(
            ("creation", user_id),
            CREATIONS,
            WINDOW,
            f"The runs of {whose(user_id)} created {CREATIONS} jobs within ten minutes; let one job "
            "with a schedule look through what there is to do instead.",
        )

    def message(self, user_id: str | None) -> None:
        """Raise ``NotAllowed`` when a user's runs send too many messages."""
        self._count(
            ("message", user_id),
            MESSAGES,
            WINDOW,
            f"The runs of {whose(user_id)} sent {MESSAGES:,} messages within ten minutes; put what "
            "there is to say into fewer of them.",
        )

    def _count(
        self, what: tuple[str, str | None], most: int, window: timedelta, refusal: str
    ) -> None:
        now = self._clock.now()
        recent = self._recent.setdefault(what, deque())
        # One that is ahead of the clock was counted before that was put back.
        while recent and not timedelta() <= now - recent[0] <= window:
            recent.popleft()
        if len(recent) >= most:
            raise NotAllowed(refusal)
        recent.append(now)


class RunQuotas:
    """What one run may ask for, beside what all runs of its user may."""

    def __init__(self, quotas: Quotas, user_id: str | None) -> None:
        self._quotas = quotas
        self._user_id = user_id
        self._created = 0
        self._sent = 0
        self._characters = 0

    def creation(self) -> None:
        """Count one more job. Raises ``NotAllowed`` where that is one too many."""
        if self._created >= JOBS_CREATED:
            raise NotAllowed(f"One run may create {JOBS_CREATED} jobs; this one has.")
        self._quotas.creation(self._user_id)
        self._created += 1

    def message(self, content: Any) -> None:
        """Count one more message. Raises ``NotAllowed`` where it is one too many."""
        characters = _characters(content)
        if self._sent >= MESSAGES_SENT or self._characters + characters > MESSAGE_CHARACTERS:
            raise NotAllowed(
                f"One run may send {MESSAGES_SENT:,} messages of {MESSAGE_CHARACTERS:,} characters "
                f"together; this one has sent {self._sent:,} of {self._characters:,}. Put what is "
                "long into Data, and send its id."
            )
        self._quotas.message(self._user_id)
        self._sent += 1
        self._characters += characters


def _characters(content: Any) -> int:
    """Return about how many characters a message has, or some number above what one may have."""
    if isinstance(content, str):
        return len(content)
    count = 0
    for container, _ in containers(content):
        for item in container.values() if isinstance(container, dict) else container:
            count += len(item) if isinstance(item, str) else 1
        if count > MAX_MESSAGE:
            break
    return count


def whose(user_id: str | None) -> str:
    """Return in words whose runs they are."""
    return "the agent's own jobs" if user_id is None else user_id
