"""Room: what caps, quotas and shares leave, and what the month is already committed to (S1). Pure, but counts along.

Committed is what the fleet will be charged this month even if its end were asked for now: a coming node is kept to
its launch timeout (S8), a ready one for the time a drain may take and one renewal margin (so that a tick may pass),
and where billing rounds up each to its renewal; beside it, the floor to the month's end.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from autoscaler.decide.merit import Offer
from autoscaler.decide.want import Want
from autoscaler.fleet import COMING, Node, NodeState, Snapshot
from policies.billing import Billing
from policies.renewal import Month, billed_units, hourly_usd, owed_in_month_usd, units_usd
from policies.scaling import ScalingPolicy, most_by_share

_ADDS_UP = frozenset({Billing.SECOND, Billing.STARTED_HOUR, Billing.MONTH_PRORATED})


@dataclass(slots=True, kw_only=True)
class Room:
    """Counts of what exists, made when they are first asked for, and added to with each launch that is decided."""

    snapshot: Snapshot
    wants: Mapping[str, Want]
    policy: ScalingPolicy
    month: Month
    alive: dict[str, int] = field(default_factory=dict)
    """By pool: nodes not gone, those that end included: what a quota and the cap on nodes count."""
    group: dict[str, int] = field(default_factory=dict)
    alive_burst: int = 0
    staying: dict[str, int] = field(default_factory=dict)
    """By pool: burst nodes that serve or come: what shares count."""
    staying_burst: int = 0
    staying_spot: int = 0
    by_model: dict[str, int] = field(default_factory=dict)
    """Burst nodes that serve or come, by model."""
    alive_by_model: dict[str, int] = field(default_factory=dict)
    """Burst nodes not gone, by model: what a manual ceiling counts."""
    usd_hour: Decimal = Decimal(0)
    unpriced: str | None = None
    """A node of a pool without a known price: no cap in money can be kept beside it."""
    committed_usd: Decimal = Decimal(0)
    """This month, floor apart; 0 where the policy caps no month."""
    floor_usd: Decimal = Decimal(0)
    """What the floors cost from what is committed to the month's end."""
    is_counted: bool = False

    def count(self) -> None:
        """Counts the fleet as it was seen; once."""
        if self.is_counted:
            return
        self.is_counted = True
        burst = [node for node in self.snapshot.nodes if not node.is_base and node.state is not NodeState.GONE]
        self.alive_burst = len(burst)
        self.alive_by_model = dict(Counter(node.model for node in burst))
        self.alive = dict(Counter(node.pool for node in self.snapshot.nodes if node.state is not NodeState.GONE))
        pools = self.snapshot.pools
        for key, count in self.alive.items():
            pool = pools.get(key)
            if pool is not None and pool.count_group is not None:
                self.group[pool.count_group] = self.group.get(pool.count_group, 0) + count
        for model, want in self.wants.items():
            sight = want.sight
            staying = Counter(
                node.pool for nodes in (sight.serving, sight.stranded, sight.at_risk, sight.coming) for node in nodes
            )
            self.by_model[model] = staying.total()
            self.staying_burst += staying.total()
            for key, count in staying.items():
                self.staying[key] = self.staying.get(key, 0) + count
                self.staying_spot += count if key in pools and pools[key].is_spot else 0
        if self.policy.max_usd_hour is not None or self.policy.max_usd_month is not None:
            self._count_money(burst)

    def _count_money(self, burst: Iterable[Node]) -> None:
        pools, month, is_by_month = self.snapshot.pools, self.month, self.policy.max_usd_month is not None
        units: dict[str, int] = {}
        for node in burst:
            pool = pools.get(node.pool)
            if pool is None:
                self.unpriced = node.id
                continue
            tariff = pool.tariff
            if is_by_month:
                billed = billed_units(tariff, node.ordered_at, self._until(node), month)
                if tariff.billing in _ADDS_UP:
                    units[node.pool] = units.get(node.pool, 0) + billed
                else:
                    self.committed_usd += units_usd(tariff, billed, month)
        for key, total in units.items():
            self.committed_usd += units_usd(pools[key].tariff, total, month)
        for key, count in Counter(node.pool for node in burst).items():
            if key in pools:
                self.usd_hour += hourly_usd(pools[key].tariff, month.hours) * count
        if is_by_month:
            for want in self.wants.values():
                self.floor_usd += _floor_usd(self, want) if want.floor else Decimal(0)

    def refusal(self, offer: Offer, model: str, *, is_floor: bool = False) -> str | None:
        """Why no node of the offer may be launched for the model, with the numbers; None: it may."""
        self.count()
        return (
            self._over_nodes(model)
            or self._over_quota(offer)
            or self._over_share(offer)
            or self._over_usd_hour(offer.price_usd_hour)
            or self._over_usd_month(self._launch_usd(offer), is_floor=is_floor)
        )

    def has_room_for(self, offer: Offer, model: str, count: int) -> bool:
        """Whether so many nodes of the offer may be launched for the model, one after the other."""
        self.count()
        trial = replace(
            self,
            alive=dict(self.alive),
            group=dict(self.group),
            staying=dict(self.staying),
            by_model=dict(self.by_model),
            alive_by_model=dict(self.alive_by_model),
        )
        for _ in range(count):
            if trial.refusal(offer, model) is not None:
                return False
            trial.take(offer, model)
        return True

    def undrain_refusal(self, node: Node) -> str | None:
        """Why a draining node may not serve again; None: it may."""
        self.count()
        tariff = self.snapshot.pools[node.pool].tariff
        more = owed_in_month_usd(tariff, node.ordered_at, self._ready_until(), self.month)
        more -= self.owed_usd(node) if self.policy.max_usd_month is not None else more
        most = self.policy.max_nodes
        if most is not None and self.staying_burst >= most:
            return f"max_nodes {most} is reached ({self.staying_burst} serve or come)"
        ceiling = self.ceiling(node.model)
        if ceiling is not None and self.by_model.get(node.model, 0) >= ceiling:
            return f"the manual ceiling of {ceiling} is reached"
        return self._over_usd_hour(Decimal(0)) or self._over_usd_month(more, is_floor=False)

    def take(self, offer: Offer, model: str) -> None:
        """Counts a launch."""
        self.count()
        pool = offer.pool
        self.alive[pool.key] = self.alive.get(pool.key, 0) + 1
        if pool.count_group is not None:
            self.group[pool.count_group] = self.group.get(pool.count_group, 0) + 1
        self.alive_burst += 1
        self.alive_by_model[model] = self.alive_by_model.get(model, 0) + 1
        self._stays(pool.key, model, is_spot=pool.is_spot)
        self.usd_hour += offer.price_usd_hour
        if self.policy.max_usd_month is not None:
            self.committed_usd += self._launch_usd(offer)

    def take_back(self, node: Node) -> None:
        """Counts a draining node that is to serve again."""
        self._stays(node.pool, node.model, is_spot=self.snapshot.pools[node.pool].is_spot)
        if self.policy.max_usd_month is not None:
            tariff = self.snapshot.pools[node.pool].tariff
            self.committed_usd += owed_in_month_usd(tariff, node.ordered_at, self._ready_until(), self.month)
            self.committed_usd -= self.owed_usd(node)

    def give_up(self, node: Node) -> None:
        """Counts a serving node out of the shares, as it is drained."""
        self.count()
        self.staying[node.pool] -= 1
        self.staying_burst -= 1
        self.staying_spot -= self.snapshot.pools[node.pool].is_spot
        self.by_model[node.model] -= 1

    def ceiling(self, model: str) -> int | None:
        """The manual ceiling of burst nodes of a model."""
        return self.snapshot.controls.max_nodes.get(model)

    def owed_usd(self, node: Node) -> Decimal:
        """What the node is committed to this month; 0 without a known price."""
        pool = self.snapshot.pools.get(node.pool)
        if pool is None:
            return Decimal(0)
        return owed_in_month_usd(pool.tariff, node.ordered_at, self._until(node), self.month)

    def owed_if_drained_usd(self, node: Node) -> Decimal:
        """The same of a ready node if it were drained now."""
        pool = self.snapshot.pools[node.pool]
        until = self.snapshot.now + timedelta(seconds=self.policy.drain_timeout_s)
        return owed_in_month_usd(pool.tariff, node.ordered_at, until, self.month)

    def _until(self, node: Node) -> datetime:
        """The instant by which the node is ended for sure, were its end wanted now."""
        now, policy = self.snapshot.now, self.policy
        if node.state is NodeState.DRAINING:
            return max(node.since + timedelta(seconds=policy.drain_timeout_s), now)
        if node.state in COMING:
            return max(node.ordered_at + timedelta(seconds=policy.launch_timeout_s), now)
        if node.state is NodeState.READY:
            return self._ready_until()
        return now

    def _ready_until(self) -> datetime:
        policy = self.policy
        return self.snapshot.now + timedelta(seconds=policy.drain_timeout_s + policy.renewal_margin_s)

    def _launch_usd(self, offer: Offer) -> Decimal:
        if self.policy.max_usd_month is None:
            return Decimal(0)
        now = self.snapshot.now
        until = now + timedelta(seconds=self.policy.launch_timeout_s)
        return owed_in_month_usd(offer.pool.tariff, now, until, self.month)

    def _over_nodes(self, model: str) -> str | None:
        most = self.policy.max_nodes
        if most is not None and self.alive_burst >= most:
            return f"max_nodes {most} is reached ({self.alive_burst} not gone)"
        ceiling = self.ceiling(model)
        have = self.alive_by_model.get(model, 0)
        if ceiling is not None and have >= ceiling:
            return f"the manual ceiling of {ceiling} is reached ({have} not gone)"
        return None

    def _over_quota(self, offer: Offer) -> str | None:
        pool = offer.pool
        have = self.alive.get(pool.key, 0)
        if pool.max_count is not None and have >= pool.max_count:
            return f"its quota of {pool.max_count} is reached"
        if pool.count_group is not None:
            most = self.snapshot.group_max.get(pool.count_group)
            if most is not None and self.group.get(pool.count_group, 0) >= most:
                return f"the {most} nodes of group {pool.count_group} are reached"
        return None

    def _over_share(self, offer: Offer) -> str | None:
        burst, policy = self.staying_burst + 1, self.policy
        most = most_by_share(policy.max_pool_share, burst)
        if most is not None and self.staying.get(offer.key, 0) + 1 > most:
            return f"max_pool_share {policy.max_pool_share:g} of {burst} burst nodes allows {most} of it"
        if offer.pool.is_spot:
            most = most_by_share(policy.max_spot_share, burst)
            if most is not None and self.staying_spot + 1 > most:
                return f"max_spot_share {policy.max_spot_share:g} of {burst} burst nodes allows {most} spot"
        return None

    def _over_usd_hour(self, more: Decimal) -> str | None:
        most = self.policy.max_usd_hour
        if most is None:
            return None
        if self.unpriced is not None:
            return f"max_usd_hour {most} cannot be kept: the price of {self.unpriced} is not known"
        if self.usd_hour + more > most:
            return f"max_usd_hour {most} would be passed ({self.usd_hour:.2f} + {more:.2f})"
        return None

    def _over_usd_month(self, more: Decimal, *, is_floor: bool) -> str | None:
        most = self.policy.max_usd_month
        if most is None:
            return None
        if self.unpriced is not None:
            return f"max_usd_month {most} cannot be kept: the price of {self.unpriced} is not known"
        spent = self.snapshot.spent_month_usd
        floor = Decimal(0) if is_floor else self.floor_usd
        if spent + self.committed_usd + floor + more > most:
            return (
                f"max_usd_month {most} would be passed (spent {spent:.2f}, committed {self.committed_usd:.2f}, "
                f"floor {floor:.2f}, this {more:.2f})"
            )
        return None

    def _stays(self, key: str, model: str, *, is_spot: bool) -> None:
        self.staying[key] = self.staying.get(key, 0) + 1
        self.staying_burst += 1
        self.staying_spot += is_spot
        self.by_model[model] = self.by_model.get(model, 0) + 1


def _floor_usd(room: Room, want: Want) -> Decimal:
    """What it costs to keep the floor to the month's end, beyond what its nodes are committed to already.

    The cheapest nodes that are there or coming are taken to be the floor; a missing one is the cheapest pool's.
    """
    pools, month, sight, floor, offers = room.snapshot.pools, room.month, want.sight, want.floor, want.offers
    kept: list[Decimal] = []
    for node in (*sight.serving, *sight.coming):
        if node.pool in pools:
            whole = owed_in_month_usd(pools[node.pool].tariff, node.ordered_at, month.following, month)
            kept.append(whole - room.owed_usd(node))
    kept = sorted(kept)[:floor]
    total = sum(kept, Decimal(0))
    if len(kept) < floor and offers:
        tariff = min(offers, key=lambda offer: offer.price_usd_hour).pool.tariff
        total += (floor - len(kept)) * owed_in_month_usd(tariff, room.snapshot.now, month.following, month)
    return total
