"""A deployment: what is done to each of an agent's pre-defined jobs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from luajobs_kit.model._document import Document
from luajobs_kit.model.declared_changes import FieldChange

DeployAction = Literal["create", "update", "rearm", "activate", "deactivate", "leave"]


class DeployStep(Document):
    """What is done to one job, and why, in words."""

    action: DeployAction
    job: str  # its name
    why: str
    changes: list[FieldChange] = Field(default_factory=list)  # of an update
    cancelled_runs: int = 0  # runs that waited, of the version before


class Deployment(Document):
    """The answer to a deployment: first the jobs that it declares, then those it leaves out."""

    steps: list[DeployStep]
