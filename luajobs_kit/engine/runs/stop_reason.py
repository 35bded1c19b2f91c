"""Reasons to stop a run: how its execution then ends, and the error recorded for it."""

from __future__ import annotations

from enum import Enum

from luajobs_kit.model import ExecutionStatus, RunError


class StopReason(Enum):
    """Why a run is stopped from outside: the status it ends with, and its error's message.

    For a run that is *dropped*, one that waits and is not to begin any more, what became of its job.
    """

    CANCELLED = "cancelled", "It was cancelled."
    ABANDONED = (
        "abandoned",
        "The engine ended while this attempt ran; how far it got is not known.",
    )
    TIMEOUT = "timeout", "It slept past its timeout, in virtual time."
    DELETED = "cancelled", "Its job was deleted while it waited.", "the job was deleted"
    INACTIVE = "cancelled", "Its job was deactivated while it waited.", "the job was deactivated"
    REPLACED = (
        "cancelled",
        "Another version of its job was published while it waited.",
        "another version of the job was published",
    )
    FIRED_ANEW = (
        "cancelled",
        "Its job was given a new time while it waited, and has fired for that.",
        "the job was given a new time and has fired for that",
    )
    PAUSED = "cancelled", "Its job was paused before it began.", "the job was paused"

    def __init__(self, status: ExecutionStatus, message: str, job_state: str | None = None) -> None:
        self.status: ExecutionStatus = status
        self.error = RunError(type=status.capitalize(), message=message)
        self.job_state = job_state
