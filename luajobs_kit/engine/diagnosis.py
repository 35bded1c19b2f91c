"""The engine's diagnosis: what ``luajobs doctor`` finds of the sandbox, the clock, the jobs and the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

from luajobs_kit.port import Finding
from luajobs_kit.sandbox import doctor

MOST_UNABLE: Final = 20  # jobs that cannot fire, told one by one


async def diagnose(
    repaired: Sequence[str],
    held_back: str | None,
    unable: Mapping[str, str],
    unwritten: str | None,
) -> list[Finding]:
    """Try every wall of the sandbox; return the findings about it, the clock, the jobs and the store.

    ``repaired`` lists in words what the store repaired. ``held_back`` says which jobs wait because
    the clock was set back, ``unable`` by a job's name why it cannot fire,
    ``unwritten`` why nothing can be written.
    """
    walls = await doctor.report()
    found = [
        Finding(
            topic="sandbox",
            name=wall.name,
            holds=wall.holds,
            says=f"stops {wall.stops}" + (f" ({wall.note})" if wall.note else ""),
        )
        for wall in walls
    ]
    whole = doctor.boundary(walls)
    found.append(Finding(topic="platform", name=whole.name, holds=whole.holds, says=whole.note))
    if held_back:
        found.append(Finding(topic="engine", name="clock", holds=False, says=held_back))
    for name, why in islice(unable.items(), MOST_UNABLE):
        found.append(Finding(topic="engine", name=name, holds=False, says=why))
    if (more := len(unable) - MOST_UNABLE) > 0:
        says = f"{more} more jobs cannot fire; `luajobs jobs list` shows them"
        found.append(Finding(topic="engine", name="jobs", holds=False, says=says))
    says = unwritten or "what is kept can be written"
    found.append(Finding(topic="store", name="writing", holds=not unwritten, says=says))
    found += [Finding(topic="store", name="recovery", holds=False, says=each) for each in repaired]
    if not repaired:
        says = "nothing was lost"
        found.append(Finding(topic="store", name="recovery", holds=True, says=says))
    return found
