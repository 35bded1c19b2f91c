"""Reasons to stop a run: how its execution then ends, and the error recorded for it."""

from __future__ import annotations

from enum import Enum

from luajobs_kit.model import ExecutionStatus, RunError

_CANCELLED = "Cancelled"


class StopReason(Enum):
    """Why a run is stopped from outside. ``job_state`` is given for what became of its job.

    A run that only waits is *dropped* for such a reason: it would no longer be begun.
    """

    CANCELLED = ("cancelled", _CANCELLED, "It was cancelled.")
    ABANDONED = (
        "abandoned",
        "Abandoned",
        "The engine ended while this attempt ran; how far it got is not known.",
    )
    TIMEOUT = ("timeout", "Timeout", "It slept past its timeout, in virtual time.")
    DELETED = (
        "cancelled",
        _CANCELLED,
        "Its job was deleted while it waited.",
        "the job was deleted",
    )
    INACTIVE = (
        "cancelled",
        _CANCELLED,
        "Its job was deactivated while it waited.",
        "the job was deactivated",
    )
    REPLACED = (
        "cancelled",
        _CANCELLED,
        "Another version of its job was published while it waited.",
        "another version of the job was published",
    )
    PAUSED = (
        "cancelled",
        _CANCELLED,
        "Its job was paused before it began.",
        "the job was paused",
    )

    def __init__(
        self, status: ExecutionStatus, kind: str, message: str, job_state: str | None = None
    ) -> None:
        self.status: ExecutionStatus = status
        self.error = RunError(type=kind, message=message)
        self.job_state = job_state

    @property
    def drops(self) -> bool:
        """Whether a run that waits is cancelled for what became of its job."""
        return self.job_state is not None
