"""Many seeds: what the points of a sweep come to over the seeds it replays, setting by setting. Pure.

Which seed chance takes is nobody's choice: the best of them is no plan, their spread is what to expect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from statistics import fmean
from typing import TypeVar

from autoscaler.replay.sweep import SEED, SweptPoint

LOW, HIGH = Decimal("0.05"), Decimal("0.95")
Number = TypeVar("Number", Decimal, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverSeeds:
    """One controller at one setting, over all seeds. Low, high: the seeds at 5 % and 95 %, by rank."""

    policy: str
    settings: Mapping[str, str]
    """Key -> value as written, the seed left out."""
    seeds: int
    bill_usd: Decimal
    """Mean."""
    bill_low_usd: Decimal
    bill_high_usd: Decimal
    ratio_to_bound: float | None
    """Mean; None: no bound."""
    unserved_ratio: float
    """Mean."""
    unserved_high_ratio: float
    short_seeds: int
    """Seeds that leave more unserved than the policy allows."""
    ttft_p95_s: float | None
    """Mean of the seeds' own; None: some have none."""
    launches: float
    interruptions: float
    wasted_usd: Decimal


def is_over_seeds(points: Sequence[SweptPoint]) -> bool:
    """Whether several seeds are swept."""
    return len({point.settings.get(SEED) for point in points}) > 1


def over_seeds(points: Sequence[SweptPoint], max_unserved_ratio: float) -> tuple[OverSeeds, ...]:
    """Each controller at each setting over its seeds, in the order of the points."""
    groups: dict[tuple[object, ...], list[SweptPoint]] = {}
    for point in points:
        groups.setdefault((point.replayed.policy, *_settings(point).items()), []).append(point)
    return tuple(_over(group, max_unserved_ratio) for group in groups.values())


def _over(group: Sequence[SweptPoint], max_unserved_ratio: float) -> OverSeeds:
    found = [point.replayed for point in group]
    bills = [one.bill_usd for one in found]
    unserved = [one.unserved_ratio for one in found]
    return OverSeeds(
        policy=found[0].policy,
        settings=_settings(group[0]),
        seeds=len(found),
        bill_usd=sum(bills, Decimal(0)) / len(bills),
        bill_low_usd=ranked(bills, LOW),
        bill_high_usd=ranked(bills, HIGH),
        ratio_to_bound=_mean([one.ratio_to_bound for one in found]),
        unserved_ratio=fmean(unserved),
        unserved_high_ratio=ranked(unserved, HIGH),
        short_seeds=sum(one > max_unserved_ratio for one in unserved),
        ttft_p95_s=_mean([one.delay.p95_s for one in found]),
        launches=fmean(one.launches for one in found),
        interruptions=fmean(one.interruptions for one in found),
        wasted_usd=sum((one.wasted_paid_usd for one in found), Decimal(0)) / len(found),
    )


def ranked(values: Sequence[Number], share: Decimal) -> Number:
    """The least of the values that this share of them does not pass."""
    return sorted(values)[max(ceil(share * len(values)), 1) - 1]


def _settings(point: SweptPoint) -> Mapping[str, str]:
    return {key: value for key, value in point.settings.items() if key != SEED}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None
