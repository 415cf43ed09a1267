"""Risks of the month, each with its figure: spot, servers lost, one provider, prices, rates, gaps. Pure; numpy."""

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal

import numpy as np

from planner.economics.bill import LeaseCharge
from planner.economics.fleet_hours import fresh_input_tokens
from planner.ledger import Lease, PriceInForce
from planner.month.facts import HOUR, Floats, MonthFacts, Reckoning
from planner.month.value import Risk
from planner.profile.model import Basis
from policies.units import SECONDS_PER_HOUR

ZERO = Decimal(0)
MUCH = 0.9
"""From this share on, one provider or pool is most of the fleet."""
SMALL_CHANGE = Decimal("0.0005")
"""A price that moved less is said not to have moved: exchange rates differ in the last digits."""


def risks(month: Reckoning, unserved_ratio: float | None) -> tuple[Risk, ...]:
    """Every risk that can be reckoned, in the order a reader asks for them."""
    found = [
        _spot(month),
        _interruptions(month),
        _base_losses(month),
        _provider(month),
        _pool(month),
        *_price_changes(month),
        _estimated(month),
        _gaps(month),
        _unserved(month, unserved_ratio),
    ]
    return tuple(risk for risk in found if risk is not None)


def _spot(month: Reckoning) -> Risk | None:
    burst = [one for one in month.bill.leases if not one.lease.is_base]
    if not burst:
        return None
    share = _share([one for one in burst if one.lease.price.tariff.is_spot], burst)
    return Risk(
        name="spot share",
        figure=f"{share:.0%} of burst node-hours",
        meaning="Spot nodes can be taken back with minutes of notice, most often when everyone wants them."
        if share
        else "No burst node can be taken back by its provider.",
        is_warning=share > 0.5,
    )


def _interruptions(month: Reckoning) -> Risk | None:
    taken = [one for one in month.bill.leases if one.lease.interrupted]
    if not taken:
        return None
    offers = ", ".join(sorted({one.lease.offer for one in taken}))
    return Risk(
        name="interruptions",
        figure=f"{len(taken)} of {len(month.bill.leases)} leases, on {offers}",
        meaning="Nodes the provider took back; requests in flight had to be done again elsewhere.",
        is_warning=True,
    )


def _base_losses(month: Reckoning) -> Risk | None:
    """Hours that the nodes left after losing the largest k base nodes of a model could not have served, at u = 1."""
    facts, hours = month.facts, month.hours
    lost = max(1, facts.fleet.policy.survive_base_losses)
    if not any(pool.is_base for pool in hours.pools) or not month.has_usage:
        return None
    fails = np.zeros(hours.hours, dtype=np.bool_)
    known = hours.is_measured & (np.arange(hours.hours) < facts.past_hours)
    for m, fresh in enumerate(_fresh_tok_s(month)):
        capacity = _capacity(month, m, fresh)
        asked = np.nan_to_num(fresh) + np.nan_to_num(hours.output_tok_s[m]) > 0
        left = capacity.sum(axis=0) - _largest(capacity, month, m, lost)
        unknown = np.isnan(capacity).any(axis=0)
        known &= ~(asked & unknown)
        fails |= asked & ~unknown & (left < 1 - 1e-9)
    fails &= known
    if not known.any():
        return None
    named = "a base node" if lost == 1 else f"{lost} base nodes"
    count, total = int(fails.sum()), int(known.sum())
    return Risk(
        name=f"loss of {named}",
        figure=f"{count} of {total} hours would not be served in full",
        meaning=f"Every hour's traffic would have been served without {named}, the others at full use."
        if not count
        else f"Had {named} failed in one of these hours, the others at full use would not have served all of its "
        "traffic until a node was added.",
        is_warning=count > 0,
    )


def _fresh_tok_s(month: Reckoning) -> Iterator[Floats]:
    """Per model (H,) input tok/s that no cache answered."""
    hours, served = month.hours, month.facts.served
    fresh = np.zeros((len(hours.models), hours.hours))
    if served is not None:
        tokens = fresh_input_tokens(served, month.cache_hit_ratio) / SECONDS_PER_HOUR
        row = np.array([hours.models.index(name) for name in served.models], dtype=np.int64)
        hour = served.hour.astype(np.int64) + (served.start - hours.start) // HOUR
        inside = (hour >= 0) & (hour < hours.hours)
        np.add.at(fresh, (row[served.model[inside]], hour[inside]), tokens[inside])
    return iter(fresh)


def _capacity(month: Reckoning, m: int, fresh: Floats) -> Floats:
    """(P, H) share of the hour's demand that the nodes of each pool can serve at full use; NaN without a rate."""
    hours = month.hours
    rows = []
    for p, pool in enumerate(hours.pools):
        rates = month.rates.get((hours.models[m], pool.offer))
        nodes = hours.nodes[m, p]
        if rates is None:
            rows.append(np.where(nodes > 0, np.nan, 0.0))
            continue
        work = fresh / rates.prefill_tok_s + np.nan_to_num(hours.output_tok_s[m]) / rates.decode_tok_s
        rows.append(np.divide(nodes, work, out=np.zeros_like(nodes), where=work > 0))
    return np.stack(rows)


def _largest(capacity: Floats, month: Reckoning, m: int, count: int) -> Floats:
    """(H,) capacity of the model's `count` largest base nodes."""
    hours = month.hours
    taken, left = np.zeros(hours.hours), np.full(hours.hours, float(count))
    base = [p for p, pool in enumerate(hours.pools) if pool.is_base]
    nodes = hours.nodes[m, base]
    each = np.divide(capacity[base], nodes, out=np.zeros_like(nodes), where=nodes > 0)
    for index in np.argsort(-each, axis=0):
        at = (index, np.arange(hours.hours))
        some = np.minimum(nodes[at], left)
        taken += some * each[at]
        left -= some
    return taken


def _provider(month: Reckoning) -> Risk | None:
    total = float(month.bill.leases_usd)
    if total <= 0:
        return None
    by: dict[str, float] = {}
    for one in month.bill.leases:
        by[one.lease.provider] = by.get(one.lease.provider, 0.0) + float(one.amount_usd)
    provider, paid = max(by.items(), key=lambda item: (item[1], item[0]))
    return Risk(
        name="one provider",
        figure=f"{paid / total:.0%} of the nodes' cost is {provider}",
        meaning="An outage, a full region or a price rise of this provider reaches that part of the fleet at once.",
        is_warning=paid / total >= MUCH,
    )


def _pool(month: Reckoning) -> Risk | None:
    burst = [one for one in month.bill.leases if not one.lease.is_base]
    offers: dict[str, list[LeaseCharge]] = {}
    for one in burst:
        offers.setdefault(one.lease.offer, []).append(one)
    shares = {offer: _share(held, burst) for offer, held in offers.items()}
    if not shares:
        return None
    offer, share = max(shares.items(), key=lambda item: (item[1], item[0]))
    return Risk(
        name="one burst pool",
        figure=f"{share:.0%} of burst node-hours are {offer}",
        meaning="Where this pool is sold out, that part of the burst has to come from elsewhere or is not served.",
        is_warning=share >= MUCH,
    )


def _price_changes(month: Reckoning) -> list[Risk]:
    """Prices in force against those of the month before, and against what the catalog asks of a new order."""
    facts = month.facts
    now = _latest([one.lease for one in month.bill.leases])
    before = _latest(facts.previous_leases)
    listed = {price.offer: price for price in facts.prices if _is_in_force(price, facts)}
    changes, orders = [], []
    for offer, price in sorted(now.items()):
        if offer in before:
            changes += _moved(offer, _amounts(before[offer]), _amounts(price))
        if offer in listed:
            orders += _of_new_order(month, offer, price, _amounts(listed[offer]))
        elif offer in facts.catalog:
            known = facts.catalog[offer]
            orders += _of_new_order(month, offer, price, (known.fee_usd_month, known.price_usd_hour))
    found = []
    if before:
        found.append(
            Risk(
                name="prices since last month",
                figure=", ".join(changes) or "unchanged",
                meaning="What was paid for the same offer, against the month before.",
                is_warning=any("+" in one for one in changes),
            )
        )
    if now:
        found.append(
            Risk(
                name="prices of new orders",
                figure=", ".join(orders) or "as in force",
                meaning="What the catalog asks for an offer today, against the price in force for what is rented.",
                is_warning=any("+" in one for one in orders),
            )
        )
    return found


def _latest(leases: Iterable[Lease]) -> dict[str, PriceInForce]:
    """The price of each offer's last lease."""
    return {lease.offer: lease.price for lease in sorted(leases, key=lambda one: (one.start, one.id))}


def _is_in_force(price: PriceInForce, facts: MonthFacts) -> bool:
    return price.effective_from is None or price.effective_from <= facts.as_of.date()


def _amounts(price: PriceInForce) -> tuple[Decimal | None, Decimal | None]:
    return price.tariff.fee_usd_month, price.tariff.price_usd_hour


def _of_new_order(
    month: Reckoning, offer: str, latest: PriceInForce, asked: tuple[Decimal | None, Decimal | None]
) -> list[str]:
    """What a new order would cost against each price of the leases that still run; against the last where none does."""
    end = month.facts.known_until
    leases = [one.lease for one in month.bill.leases if one.lease.offer == offer]
    running = [_amounts(lease.price) for lease in leases if lease.end is None or lease.end > end]
    counts = Counter(running or [_amounts(latest)])
    said = []
    for was, count in counts.items():
        part = f" for {count} of {len(running)} that run" if len(counts) > 1 else ""
        said += [f"{one}{part}" for one in _moved(offer, was, asked)]
    return said


def _moved(
    offer: str, old: tuple[Decimal | None, Decimal | None], new: tuple[Decimal | None, Decimal | None]
) -> list[str]:
    """The first of fee and hourly price known on both sides, where it moved."""
    for was, now in zip(old, new, strict=True):
        if was is not None and now is not None:
            change = now / was - 1
            return [f"{offer} {change:+.1%}"] if abs(change) >= SMALL_CHANGE else []
    return []


def _estimated(month: Reckoning) -> Risk | None:
    """Node-hours whose rates are estimated or unknown."""
    held: dict[str, Decimal] = {}
    total = ZERO
    for one in month.bill.leases:
        total += one.node_hours
        rates = month.rates.get((one.lease.model or "", one.lease.offer))
        if one.lease.model is not None and (rates is None or rates.basis is Basis.ESTIMATED):
            held[one.lease.offer] = held.get(one.lease.offer, ZERO) + one.node_hours
    if not held or not total:
        return None
    return Risk(
        name="unmeasured rates",
        figure=f"{float(sum(held.values(), ZERO) / total):.0%} of node-hours, on {', '.join(sorted(held))}",
        meaning="What these nodes sustain is estimated or not known; utilization, charges and plans rest on it.",
        is_warning=True,
    )


def _gaps(month: Reckoning) -> Risk | None:
    if not month.gap_hours:
        return None
    return Risk(
        name="gaps",
        figure=f"{month.gap_hours} of {month.facts.past_hours} hours",
        meaning="Nothing was measured in these hours; their cost stands as idle, their traffic is filled in for plans.",
        is_warning=True,
    )


def _unserved(month: Reckoning, ratio: float | None) -> Risk | None:
    most = month.facts.fleet.policy.max_unserved_ratio
    if ratio is None:
        return None
    return Risk(
        name="unserved",
        figure=f"{ratio:.2%} of the tokens asked for",
        meaning=f"The policy allows {most:.2%}.",
        is_warning=ratio > most,
    )


def _share(part: Iterable[LeaseCharge], whole: Iterable[LeaseCharge]) -> float:
    total = sum((one.node_hours for one in whole), ZERO)
    return float(sum((one.node_hours for one in part), ZERO) / total) if total else 0.0
