"""Lives that are disturbed: what the simulation tells of the time in between, and every fire."""

import pytest
from disturbed_life import DisturbedLife

from luajobs_kit.sandbox import Sandbox

GROUP = 10  # seeds that share a sandbox
QUICK = 5  # groups in `make test`
GROUPS = [
    *range(QUICK),
    *(pytest.param(group, marks=pytest.mark.soak) for group in range(QUICK, 100)),
]


@pytest.mark.parametrize("group", GROUPS)
async def test_between_disturbances_a_simulation_tells_what_happens_and_no_fire_is_lost_or_doubled(
    group,
):
    async with Sandbox() as sandbox:
        for seed in range(group * GROUP, (group + 1) * GROUP):
            try:
                await DisturbedLife(seed, sandbox, all_compared=group >= QUICK).live()
            except AssertionError as error:
                error.add_note(f"make replay SEED={seed}")
                raise
