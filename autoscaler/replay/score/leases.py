"""Leases of a replay: what was ordered, over which span, and what it was charged. Pure.

A lease runs from its order to its end, or to the end of the replay. Of its charge is wasted the share of the time paid
in which the node was not needed: it was ordered, booting, loading or done, or it served and the fleet would have
sufficed without it (surplus capacity counts against the newest nodes first). A started hour is paid to its end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from autoscaler.providers.simulated.cloud import SimulatedCloud
from autoscaler.providers.simulated.lease import tariff_at
from autoscaler.providers.simulated.truth import MachineTruth
from autoscaler.replay.result import ReplayedLease
from autoscaler.replay.serving.simulated import Service
from policies.billing import MIN_BILLED_SECONDS, Billing
from policies.units import SECONDS_PER_HOUR

BY_THE_HOUR = frozenset({Billing.STARTED_HOUR, Billing.STARTED_HOUR_CAPPED, Billing.MONTH_PRORATED})


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLease:
    """One machine's lease, in seconds from the start of the replay."""

    offer: str
    model: str
    start_s: float
    end_s: float
    charge_usd: Decimal
    wasted_usd: Decimal
    ready_s: float | None
    """First served; None: never."""
    how_it_ended: str

    @property
    def is_released(self) -> bool:
        """Whether the controller ended it."""
        return self.how_it_ended == "released"


def held_leases(
    clouds: Mapping[str, SimulatedCloud], services: Mapping[str, Service], end_s: float
) -> tuple[HeldLease, ...]:
    """Every burst lease of the replay, by start; those of no length, ordered at its very end, are none."""
    leases = [
        _held(cloud, truth, services.get(truth.node_id or ""), end_s)
        for cloud in clouds.values()
        for truth in cloud.truth
        if not truth.is_base and truth.key is not None and truth.created_s < end_s
    ]
    return tuple(sorted(leases, key=_order))


def merged(leases: tuple[HeldLease, ...]) -> tuple[ReplayedLease, ...]:
    """The leases in minutes; those alike in everything but their charge are one, with their count."""
    rows = []
    for _, alike in groupby(leases, key=_order):
        same = list(alike)
        first = same[0]
        rows.append(
            ReplayedLease(
                offer=first.offer,
                model=first.model,
                start_min=first.start_s / 60,
                end_min=first.end_s / 60,
                count=len(same),
                charge_usd=sum((lease.charge_usd for lease in same), Decimal(0)),
                ready_min=None if first.ready_s is None else first.ready_s / 60,
                how_it_ended=first.how_it_ended,
                wasted_usd=sum((lease.wasted_usd for lease in same), Decimal(0)),
            )
        )
    return tuple(rows)


def opposite_moves(leases: tuple[HeldLease, ...], within_s: float = SECONDS_PER_HOUR) -> int:
    """Scale-outs less than an hour after a scale-in of the same model, and the reverse; one move an instant."""
    moves = {(lease.model, lease.start_s, "out") for lease in leases}
    moves |= {(lease.model, lease.end_s, "in") for lease in leases if lease.is_released}
    last: dict[tuple[str, str], float] = {}
    count = 0
    for model, at_s, way in sorted(moves):
        opposite = last.get((model, "in" if way == "out" else "out"))
        count += opposite is not None and 0 < at_s - opposite < within_s
        last[model, way] = at_s
    return count


def _held(cloud: SimulatedCloud, truth: MachineTruth, service: Service | None, end_s: float) -> HeldLease:
    until_s = end_s if truth.ended_s is None else truth.ended_s
    charge = cloud.charge_usd(truth, end_s)
    needed_s = 0.0 if service is None else service.needed_s
    paid_s = _paid_s(tariff_at(cloud.pools[truth.pool], truth.created_s).billing, until_s - truth.created_s)
    return HeldLease(
        offer=truth.pool,
        model=truth.model or "",
        start_s=truth.created_s,
        end_s=until_s,
        charge_usd=charge,
        wasted_usd=_wasted_usd(charge, needed_s, paid_s),
        ready_s=None if service is None else service.ready_s,
        how_it_ended=_how_it_ended(truth),
    )


def _paid_s(billing: Billing, held_s: float) -> float:
    """Seconds paid of a lease held so long."""
    if billing in BY_THE_HOUR:
        return -(-held_s // SECONDS_PER_HOUR) * SECONDS_PER_HOUR
    if billing is Billing.SECOND:
        return max(MIN_BILLED_SECONDS, -(-held_s // 1))
    return held_s


def _wasted_usd(charge_usd: Decimal, needed_s: float, paid_s: float) -> Decimal:
    """charge × (1 − needed / paid), seconds to the microsecond."""
    paid, needed = round(paid_s * 1e6), round(needed_s * 1e6)
    return charge_usd if paid <= 0 else charge_usd * max(0, paid - needed) / paid


def _how_it_ended(truth: MachineTruth) -> str:
    if truth.was_taken_back:
        return "taken back"
    if truth.ended_s is None:
        return "still running"
    return "failed" if truth.never_boots or truth.is_broken else "released"


def _order(lease: HeldLease) -> tuple[float, float, str, str, float, str]:
    ready_s = -1.0 if lease.ready_s is None else lease.ready_s
    return lease.start_s, lease.end_s, lease.offer, lease.model, ready_s, lease.how_it_ended
