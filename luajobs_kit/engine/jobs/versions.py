"""Versions made of declarations: checked in full, numbered, dated."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from typing import Final, TypeVar

from luajobs_kit.bundle import verify
from luajobs_kit.engine.jobs.validation import check_declaration, refuse_javascript
from luajobs_kit.engine.state import State
from luajobs_kit.errors import Conflict, InvalidInput, PolicyViolation
from luajobs_kit.model import Declaration, JobVersion, Schedule
from luajobs_kit.sandbox import Program

D = TypeVar("D", bound=Declaration)

_SEMVER: Final = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+][0-9A-Za-z.-]{1,60})?")


def program_of(declaration: Declaration) -> Program:
    """Return the program that the sandbox runs for a declaration."""
    bundle = declaration.bundle
    return Program(bundle.source, bundle.entry, bundle.first_line, bundle.file, bundle.segments)


async def check_in_full(state: State, spec: D, *, kept: Schedule | None = None) -> D:
    """Check a declaration and its code; return it with its timeout and its schedule's times fixed.

    ``kept`` is the job's active schedule, which may be kept though its time has passed. Raises ``InvalidInput`` naming what is wrong, ``PolicyViolation`` for code that the policy
    refuses, ``WorkspaceGone`` when the folder was found to be gone.
    """
    state.store.refuse_gone()  # the engine may be ending, and its sandbox with it
    settled = check_declaration(
        spec,
        now=state.clock.now(),
        timeout_ceiling=state.settings.values.timeout_ceiling,
        kept=kept,
    )
    try:
        # In a child first: source that crashes the compiler costs a spare, not the engine.
        await state.runner.check(program_of(settled))
    except PolicyViolation:
        await asyncio.to_thread(verify, settled.bundle)  # its error may explain more
        raise
    except InvalidInput:
        refuse_javascript(settled.bundle)
        raise
    await asyncio.to_thread(verify, settled.bundle)  # takes a second for a long source
    return settled


def new_version(
    state: State,
    job: tuple[str, str],
    number: str,
    spec: Declaration,
    *,
    now: datetime,
    key: str | None,
) -> JobVersion:
    """Return a version of a job (its id and name), not stored yet."""
    fields = {field: getattr(spec, field) for field in Declaration.model_fields}
    return JobVersion(
        id=state.ids.new("version"),
        job_id=job[0],
        name=job[1],
        version=number,
        created_at=now,
        updated_at=now,
        key=key,
        **fields,
    )


def number_for(wanted: str | None, job_name: str, versions: list[JobVersion]) -> str:
    """Return the number of a version to be added: the one wanted, or the next patch.

    Raises ``InvalidInput`` for no semantic version, ``Conflict`` for one that exists.
    """
    free = next_patch(versions)
    number = wanted or free
    if not _SEMVER.fullmatch(number):
        raise InvalidInput(
            f"version={number!r} is no semantic version; write three numbers, such as {free!r}.",
            field="version",
        )
    if any(version.version == number for version in versions):
        raise Conflict(f"{job_name} has a version {number} already; the next free one is {free}.")
    return number


def next_patch(versions: list[JobVersion]) -> str:
    """Return the highest number with its patch part one higher."""
    numbers = [
        tuple(int(part) for part in match.groups())
        for version in versions
        if (match := _SEMVER.fullmatch(version.version))
    ]
    major, minor, patch = max(numbers, default=(1, 0, -1))  # none where all were lost by damage
    return f"{major}.{minor}.{patch + 1}"
