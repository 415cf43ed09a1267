"""Thousands of small worlds in which everything goes wrong, through the real loop and `decide`: no invariant is broken.

A seed that fails is run again by `python -m benchmarks.soak --seed N`, which prints what led there.
"""

from collections import Counter
from dataclasses import fields
from random import Random

import pytest

from autoscaler.fleet import Launch
from autoscaler.journal import Result
from autoscaler.loop import TickReport
from autoscaler.providers.simulated.chance import Chance, Spells
from autoscaler.providers.simulated.faults import Dice
from autoscaler.providers.simulated.spec import FaultMix
from autoscaler.replay.rivals import RIVALS
from autoscaler.replay.storms.run import StormRun
from autoscaler.replay.storms.storm import storm

SEEDS = 2000
COUNTED = 100
"""Storms whose troubles are counted too."""
CHUNK = 50


@pytest.mark.parametrize("first", range(COUNTED, SEEDS, CHUNK))
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


BY_SPELL = {
    "outage": "outage_per_day",
    "vanish": "metrics_vanish_per_day",
    "stale": "metrics_stale_per_day",
    "zero": "metrics_zero_per_day",
}
"""Stream of chance -> the fault it draws; of the others the stream has the fault's name."""


def counting_faults(patch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each fault drawn by chance really happened, from now on."""
    happened: Counter[str] = Counter()
    streams: dict[int, tuple[str, Random]] = {}
    stream, happens, until_s = Chance.stream, Dice.happens, Spells.until_s

    def named(self: Chance, name: str) -> Random:
        rng = stream(self, name)
        streams[id(rng)] = name, rng  # kept, so that no other gets its number
        return rng

    def thrown(self: Dice) -> bool:
        happened[streams[id(self._rng)][0]] += (is_so := happens(self))
        return is_so

    def asked(self: Spells, now_s: float) -> float | None:
        end_s = until_s(self, now_s)
        happened[BY_SPELL[streams[id(self._rng)][0]]] += end_s is not None
        return end_s

    patch.setattr(Chance, "stream", named)
    patch.setattr(Dice, "happens", thrown)
    patch.setattr(Spells, "until_s", asked)
    return happened


def is_partly_fulfilled(report: TickReport | None) -> bool:
    """Whether of several nodes asked for in one tick some were had and some were sold out."""
    results = () if report is None else {one.result for one in report.acted if isinstance(one.action, Launch)}
    return Result.DONE in results and Result.NO_CAPACITY in results


class Watched(StormRun):
    """A storm of which the ticks are counted that got a part of what they asked for."""

    partly_fulfilled = 0

    def tick(self, at_s: float) -> None:
        super().tick(at_s)
        self.partly_fulfilled += is_partly_fulfilled(self.truth.report)


def test_the_first_storms_are_stormy_and_break_no_invariant(monkeypatch: pytest.MonkeyPatch):
    """Every kind of trouble is among them, so that a storm that found nothing had something to find."""
    faults = counting_faults(monkeypatch)
    seen: Counter[str] = Counter()
    for seed in range(COUNTED):
        run = Watched(storm(seed))
        run.run()
        machines = [machine for cloud in run.clouds.values() for machine in cloud.truth if not machine.is_base]
        seen["taken back"] += sum(machine.was_taken_back for machine in machines)
        seen["taken back after notice"] += sum(m.was_taken_back and m.taken_back_at is not None for m in machines)
        seen["taken back without notice"] += sum(m.was_taken_back and m.taken_back_at is None for m in machines)
        seen["advised"] += sum(machine.is_at_risk for machine in machines)
        seen["partly fulfilled"] += run.partly_fulfilled
        seen["never boots"] += sum(machine.never_boots for machine in machines)
        seen["refused"] += sum(cloud.refused for cloud in run.clouds.values())
        seen["successions"] += len(run.storm.successions)
        seen["orphans"] += sum(machine.key is None and machine.fleet == "replay" for machine in machines)
        seen["strangers"] += sum(machine.fleet != "replay" for machine in machines)
        seen["base"] += len(run.world.base)
        seen["two models"] += len(run.world.models) > 1
        seen["capped in nodes"] += run.truth.policy.max_nodes is not None
        seen["capped by the hour"] += run.truth.policy.max_usd_hour is not None
        seen["capped by the month"] += run.truth.policy.max_usd_month is not None
        seen["paused"] += any(controls.is_paused for _, controls in run.storm.controls)
        faults["breaks_per_hour"] += sum(machine.is_broken for machine in machines)
        faults["visible_after_most_s"] += run.world.faults.visible_after_most_s > 0
        faults["crash"] += run.truth.crashes
    assert {what: count for what, count in seen.items() if count < 5} == {}
    assert len(seen) == 16
    lengths = {"stale_most_s", "metrics_gone_most_s", "outage_most_s"}
    drawn = {one.name for one in fields(FaultMix)} - {"name"} - lengths
    assert {fault: faults[fault] for fault in drawn if faults[fault] < 5} == {}
