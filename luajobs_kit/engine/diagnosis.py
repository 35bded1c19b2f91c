"""What holds here and what does not: the sandbox's walls, the platform, what opening had to repair."""

from __future__ import annotations

from collections.abc import Sequence

from luajobs_kit.port import Finding
from luajobs_kit.sandbox import doctor


async def diagnose(repaired: Sequence[str], held_back: str | None) -> list[Finding]:
    """Try every wall, and return all findings.

    ``repaired`` is what the store says in words, ``held_back`` which jobs a clock put back keeps waiting.
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
    found += [Finding(topic="store", name="recovery", holds=False, says=each) for each in repaired]
    if not repaired:
        says = "nothing was lost"
        found.append(Finding(topic="store", name="recovery", holds=True, says=says))
    return found
