"""Chargeback: a month's bill allocated to models and teams, to the cent. Pure; numpy.

Usage: an hour's cost of a model x its utilization, by each tag's share of the hour's work. Idle: the rest of the
model's cost. Shared: setup fees, leases and other costs of no model in particular. Usage + idle + shared = bill.

On the allocation basis idle is spread over the model's users by usage, shared over all by usage; a shared cost whose
own tag names a team is that team's. Amounts are whole cents by largest remainder, so that both sums hold exactly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
from numpy.typing import NDArray

from planner.economics.bill import MonthBill
from planner.economics.charges import Charge, Chargeback
from planner.economics.fleet_hours import FleetHours, fresh_input_tokens, hours_said
from planner.ledger import TEAM, ServedHours, Tags
from policies.units import CENT, SECONDS_PER_HOUR, TOKENS_PER_MTOK

Floats = NDArray[np.float64]
Cents = NDArray[np.int64]


def chargeback(
    bill: MonthBill,
    hours: FleetHours,
    served: ServedHours | None,
    *,
    by: str = TEAM,
    cache_hit_ratio: Mapping[str, float] | None = None,
) -> Chargeback:
    """The bill allocated by model and by the tag `by`; `hours` is of the same bill, traffic and cache hits."""
    usage = _Usage.of(hours, served, by, cache_hit_ratio or {})
    bill_cents = _cents(bill.bill_usd)
    costs = hours.cost_usd.sum(axis=1)
    used = np.bincount(usage.model, weights=usage.cost_usd, minlength=len(hours.models))
    owned = _owned_shared(bill, by)
    shared_usd = float(bill.bill_usd) - float(costs.sum())
    count, models = len(usage.cost_usd), len(hours.models)
    parts = largest_remainder(np.concatenate([usage.cost_usd, costs - used, [shared_usd]]), bill_cents)
    usage_cents, idle_cents, shared_cents = parts[:count], parts[count : count + models], int(parts[-1])

    idle_parts, unallocated = _spread_idle(usage, idle_cents)
    shared_parts, owners, left = _spread_shared(usage, owned, shared_usd, shared_cents)
    charges = [
        _charge(hours.models[usage.model[k]], usage, k, usage_cents[k], idle_parts[k], shared_parts[k])
        for k in range(count)
    ]
    charges += [_owner_charge(tag, cents) for tag, cents in owners]
    return Chargeback(
        by=by,
        bill_usd=_usd(bill_cents),
        charges=tuple(sorted(charges, key=lambda charge: (charge.model, charge.tag))),
        idle_usd={name: _usd(cents) for name, cents in zip(hours.models, idle_cents, strict=True)},
        shared_usd=_usd(shared_cents),
        unallocated_usd=_usd(unallocated + left),
        remarks=(*hours.remarks, *_remarks(hours, unallocated + left)),
    )


def largest_remainder(amounts: Floats, total: int) -> Cents:
    """Amounts of money as whole cents that sum to `total` cents.

    Each is rounded down; the cents left over go to the largest remainders, the first of equals first. The amounts sum
    to the total but for its own rounding.
    """
    exact = np.asarray(amounts, dtype=np.float64) * 100
    cents = np.floor(exact).astype(np.int64)
    left = total - int(cents.sum())
    order = np.argsort(-(exact - cents), kind="stable")
    while left and len(order):  # once around, but for amounts so large that a float holds no cents
        step = order[: abs(left)] if left > 0 else order[::-1][: abs(left)]
        cents[step] += int(np.sign(left))
        left = total - int(cents.sum())
    return cents


@dataclass(frozen=True, slots=True, kw_only=True)
class _Usage:
    """What each (model, tag) with tokens used, K of them, sorted by model and tag."""

    model: NDArray[np.intp]
    """(K,) index into the models of the fleet's hours."""
    tag: tuple[str, ...]
    input_tokens: NDArray[np.int64]
    output_tokens: NDArray[np.int64]
    work_node_hours: Floats
    cost_usd: Floats

    @classmethod
    def of(
        cls, hours: FleetHours, served: ServedHours | None, by: str, cache_hit_ratio: Mapping[str, float]
    ) -> "_Usage":
        """The rows of measured hours, added up; 0 work and cost where no node was on or the rates are unknown."""
        if served is None or not len(served.hour):
            none = np.zeros(0)
            nothing = none.astype(np.int64)
            return cls(
                model=np.zeros(0, dtype=np.intp),
                tag=(),
                input_tokens=nothing,
                output_tokens=nothing,
                work_node_hours=none,
                cost_usd=none,
            )
        names, tag_of = _tag_values(served.tags, by)
        offset = int((served.start - hours.start).total_seconds()) // SECONDS_PER_HOUR
        hour = served.hour.astype(np.int64) + offset
        inside = (hour >= 0) & (hour < hours.hours)
        inside &= hours.is_measured[np.where(inside, hour, 0)]
        hour = hour[inside]
        model = np.array([hours.models.index(name) for name in served.models], dtype=np.int64)[served.model[inside]]
        key = model * len(names) + tag_of[served.tag[inside]]
        cell = model * hours.hours + hour
        fresh = fresh_input_tokens(served, cache_hit_ratio)[inside]
        output = served.output_tokens[inside]
        size = len(hours.models) * len(names)

        def by_key(values: NDArray[np.int64] | Floats) -> Floats:
            return np.bincount(key, weights=values, minlength=size).astype(np.float64)

        node_s = _known(hours.input_node_s)[cell] * fresh + _known(hours.output_node_s)[cell] * output
        node_hours = node_s / (TOKENS_PER_MTOK * SECONDS_PER_HOUR)
        kept = np.flatnonzero(np.bincount(key, minlength=size))
        return cls(
            model=(kept // len(names)).astype(np.intp),
            tag=tuple(names[code] for code in kept % len(names)),
            input_tokens=np.rint(by_key(served.input_tokens[inside])[kept]).astype(np.int64),
            output_tokens=np.rint(by_key(output)[kept]).astype(np.int64),
            work_node_hours=by_key(node_hours)[kept],
            cost_usd=by_key(node_hours * _known(_node_hour_usd(hours))[cell])[kept],
        )

    @property
    def weight(self) -> Floats:
        """(K,) what cost is spread by: usage in USD."""
        return np.maximum(self.cost_usd, 0.0).astype(np.float64)

    @property
    def tokens(self) -> Floats:
        """(K,) input and output tokens."""
        return (self.input_tokens + self.output_tokens).astype(np.float64)


def _tag_values(tags: Sequence[Tags], by: str) -> tuple[list[str], NDArray[np.int64]]:
    """The distinct values of a tag, sorted, "" for none; and which of them each tag set has."""
    values = [dict(one).get(by, "") for one in tags]
    names = sorted(set(values)) or [""]
    number = {name: code for code, name in enumerate(names)}
    return names, np.array([number[value] for value in values], dtype=np.int64)


def _node_hour_usd(hours: FleetHours) -> Floats:
    """(M, H) what one node-hour of a model cost, all its nodes together; 0 where none was on."""
    on = hours.nodes.sum(axis=1)
    price: Floats = np.divide(hours.cost_usd, on, out=np.zeros_like(on), where=on > 0)
    return price


def _known(values: Floats) -> Floats:
    """Flat, 0 where unknown: what cannot be attributed by use stays idle."""
    flat: Floats = np.nan_to_num(values, nan=0.0).ravel()
    return flat


def _owned_shared(bill: MonthBill, by: str) -> dict[str, float]:
    """Tag value -> shared cost that bears it, USD."""
    owned: dict[str, float] = {}

    def add(tags: Tags, usd: Decimal) -> None:
        owner = dict(tags).get(by)
        if owner and usd:
            owned[owner] = owned.get(owner, 0.0) + float(usd)

    for lease in bill.leases:
        add(lease.lease.tags, lease.setup_usd + (lease.amount_usd if lease.lease.model is None else 0))
    for other in bill.others:
        if other.cost.model is None:
            add(other.cost.tags, other.amount_usd)
    return dict(sorted(owned.items()))


def _spread_idle(usage: _Usage, idle_cents: Cents) -> tuple[Cents, int]:
    """Each model's idle cost over its users; and the cents of models without any."""
    parts = np.zeros(len(usage.tag), dtype=np.int64)
    left = 0
    for m, cents in enumerate(idle_cents):
        users = np.flatnonzero(usage.model == m)
        if len(users):
            parts[users] += _by_weight(usage, users, int(cents))
        else:
            left += int(cents)
    return parts, left


def _spread_shared(
    usage: _Usage, owned: Mapping[str, float], shared_usd: float, cents: int
) -> tuple[Cents, list[tuple[str, int]], int]:
    """Shared cost over everyone, what bears a tag over that tag's usage; charges of owners without usage; the rest."""
    amounts = largest_remainder(np.array([shared_usd - sum(owned.values()), *owned.values()]), cents)
    parts = np.zeros(len(usage.tag), dtype=np.int64)
    owners: list[tuple[str, int]] = []
    for owner, amount in zip(owned, amounts[1:], strict=True):
        users = np.flatnonzero([tag == owner for tag in usage.tag])
        if len(users):
            parts[users] += _by_weight(usage, users, int(amount))
        else:
            owners.append((owner, int(amount)))
    everyone = np.arange(len(usage.tag))
    if not len(everyone):
        return parts, owners, int(amounts[0])
    return parts + _by_weight(usage, everyone, int(amounts[0])), owners, 0


def _by_weight(usage: _Usage, users: NDArray[np.intp], cents: int) -> Cents:
    """Cents spread over some users by usage in USD; by tokens where none has any; evenly where there are no tokens."""
    for weight in (usage.weight[users], usage.tokens[users], np.ones(len(users))):
        if weight.sum() > 0:
            return largest_remainder(cents / 100 * weight / weight.sum(), cents)
    raise AssertionError("ones sum to more than 0")


def _charge(model: str, usage: _Usage, k: int, used: int, idle: int, shared: int) -> Charge:
    return Charge(
        model=model,
        tag=usage.tag[k],
        input_tokens=int(usage.input_tokens[k]),
        output_tokens=int(usage.output_tokens[k]),
        work_node_hours=float(usage.work_node_hours[k]),
        usage_usd=_usd(used),
        idle_usd=_usd(idle),
        shared_usd=_usd(shared),
    )


def _owner_charge(tag: str, cents: int) -> Charge:
    return Charge(
        model="",
        tag=tag,
        input_tokens=0,
        output_tokens=0,
        work_node_hours=0.0,
        usage_usd=_usd(0),
        idle_usd=_usd(0),
        shared_usd=_usd(cents),
    )


def _remarks(hours: FleetHours, unallocated: int) -> list[str]:
    said = []
    unseen = float(hours.cost_usd[:, ~hours.is_measured].sum())
    if unseen > 0:
        count = int((~hours.is_measured & (hours.cost_usd > 0).any(axis=0)).sum())
        said.append(f"{hours_said(count)} without measurement cost USD {unseen:,.2f}, which stands as idle")
    unrated = hours.is_measured & np.isnan(hours.busy_nodes)
    if unrated.any():
        usd = float(hours.cost_usd[unrated].sum())
        said.append(f"USD {usd:,.2f} was spent on hours whose utilization is unknown; it stands as idle")
    if unallocated:
        said.append(f"USD {_usd(unallocated):,.2f} is allocated to nobody: there was no usage to allocate it by")
    return said


def _cents(usd: Decimal) -> int:
    return int((usd / CENT).to_integral_value(rounding=ROUND_HALF_UP))


def _usd(cents: int) -> Decimal:
    return Decimal(int(cents)) * CENT
