"""Thousands of small worlds in which everything goes wrong, through the real loop and `decide`: no invariant is broken.

A seed that fails is run again by `python -m benchmarks.soak --seed N`, which prints what led there.
"""

from collections import Counter

import pytest

from autoscaler.replay.rivals import RIVALS
from autoscaler.replay.storms.run import StormRun
from autoscaler.replay.storms.storm import storm

SEEDS = 2000
CHUNK = 50


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_invariant_is_broken_in_any_storm(first: int):
    for seed in range(first, first + CHUNK):
        StormRun(storm(seed)).run()


@pytest.mark.parametrize("name", RIVALS)
def test_rivals_run_in_any_world_and_the_loop_keeps_its_invariants_for_them(name: str):
    for seed in range(30):
        case = storm(seed)
        if case.plan is not None or name != "static-plan":
            StormRun(case, rival=RIVALS[name](case.world, case.plan)).run()


def history(seed: int) -> str:
    """All that was written down, made, ended and asked for in a storm."""
    run = StormRun(storm(seed)).run()
    machines = [repr(machine) for cloud in run.clouds.values() for machine in cloud.truth]
    entries = [repr(entry) for entry in run.truth.journal.entries(run.timeline.start)]
    served = [repr(serving.served_tokens) for serving in run.serving.models.values()]
    return "\n".join([*machines, *entries, *served, repr(run.reasons)])


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 42])
def test_the_same_seed_gives_the_same_bytes(seed: int):
    assert history(seed) == history(seed)


def test_storms_are_stormy():
    """Every kind of trouble is among the first hundred, so that a storm that found nothing had something to find."""
    seen: Counter[str] = Counter()
    for seed in range(100):
        run = StormRun(storm(seed)).run()
        machines = [machine for cloud in run.clouds.values() for machine in cloud.truth if not machine.is_base]
        seen["taken back"] += sum(machine.was_taken_back for machine in machines)
        seen["broken"] += sum(machine.is_broken for machine in machines)
        seen["never boots"] += sum(machine.never_boots for machine in machines)
        seen["refused"] += sum(cloud.refused for cloud in run.clouds.values())
        seen["crashes"] += run.truth.crashes
        seen["successions"] += len(run.storm.successions)
        seen["orphans"] += sum(machine.key is None and machine.fleet == "replay" for machine in machines)
        seen["strangers"] += sum(machine.fleet != "replay" for machine in machines)
        seen["base"] += len(run.world.base)
        seen["two models"] += len(run.world.models) > 1
        seen["capped in nodes"] += run.truth.policy.max_nodes is not None
        seen["capped by the hour"] += run.truth.policy.max_usd_hour is not None
        seen["capped by the month"] += run.truth.policy.max_usd_month is not None
        seen["paused"] += any(controls.is_paused for _, controls in run.storm.controls)
    assert {what: count for what, count in seen.items() if count < 5} == {}
    assert len(seen) == 14
