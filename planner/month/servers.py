"""Servers as a plan sees them: base leases as owned ones at their prices in force, and the catalog of a month. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from planner.catalog.offer import Catalog, Offer, Role
from planner.economics.bill import LeaseCharge
from planner.fleet import Fleet, Owned
from planner.ledger import Lease
from planner.optimize.prepare import OWNED

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Base servers held at one moment, and those no plan can use."""

    owned: tuple[Owned, ...]
    unknown: tuple[Lease, ...]
    """Of offers that are not base offers of the catalog."""


def is_of_fleet(lease: Lease, fleet: Fleet) -> bool:
    """Whether a plan of the fleet may decide on the node: it serves one of its models, or none in particular."""
    return lease.model is None or any(lease.model == model.name for model in fleet.models)


def held_at(leases: Iterable[Lease], moment: datetime, catalog: Catalog) -> Servers:
    """The base leases that run at a moment, by offer and price in force."""
    counts: dict[tuple[str, Decimal | None], int] = {}
    unknown = []
    for lease in leases:
        if not lease.is_base or lease.start > moment or (lease.end is not None and lease.end <= moment):
            continue
        if lease.offer not in catalog or catalog[lease.offer].role is not Role.BASE:
            unknown.append(lease)
            continue
        key = (lease.offer, lease.price.tariff.fee_usd_month)
        counts[key] = counts.get(key, 0) + 1
    owned = tuple(
        Owned(offer=offer, count=count, fee_usd_month=fee)
        for (offer, fee), count in sorted(counts.items(), key=lambda item: (item[0][0], item[0][1] or ZERO))
    )
    return Servers(owned=owned, unknown=tuple(unknown))


def with_owned(fleet: Fleet, owned: tuple[Owned, ...]) -> Fleet:
    """The fleet with these servers instead of its own."""
    return replace(fleet, owned=owned)


def in_force(catalog: Catalog, charges: Iterable[LeaseCharge]) -> Catalog:
    """The catalog with burst offers at what they cost in the month: the mean of its leases' prices by time held."""
    paid: dict[str, Decimal] = {}
    held: dict[str, Decimal] = {}
    for one in charges:
        price = one.lease.price.tariff.price_usd_hour
        if not one.lease.is_base and price is not None and one.node_hours > 0:
            paid[one.lease.offer] = paid.get(one.lease.offer, ZERO) + price * one.node_hours
            held[one.lease.offer] = held.get(one.lease.offer, ZERO) + one.node_hours
    offers = tuple(
        replace(offer, price_usd_hour=paid[offer.id] / held[offer.id])
        if offer.id in paid and offer.role is Role.BURST and offer.price_usd_hour is not None
        else offer
        for offer in catalog
    )
    return replace(catalog, offers=offers)


def staying(catalog: Catalog, owned: tuple[Owned, ...], burst: frozenset[str]) -> Catalog:
    """A catalog that allows nothing but these servers, all of them, and these burst offers.

    The servers are named as a plan names owned ones, so that its keys can be read the same way. A limit on a group of
    offers holds as ever, but never takes a server away that is there.
    """
    kept: list[Offer] = [offer for offer in catalog if offer.role is Role.BURST and offer.id in burst]
    held: dict[str, int] = {}
    groups = dict.fromkeys(catalog.group_max, 0)
    for block in owned:
        offer = catalog[block.offer]
        fee = block.fee_in_force_usd(catalog.usd_per_eur)
        held[offer.id] = held.get(offer.id, 0) + 1
        if offer.count_group is not None:
            groups[offer.count_group] += block.count
        kept.append(
            replace(
                offer,
                id=f"{offer.id}{OWNED}" + (f"-{held[offer.id]}" if held[offer.id] > 1 else ""),
                fee_usd_month=offer.fee_usd_month if fee is None else fee,
                setup_fee_usd=ZERO,
                min_count=block.count,
                max_count=block.count,
            )
        )
    most = {group: max(limit, groups[group]) for group, limit in catalog.group_max.items()}
    return replace(catalog, offers=tuple(kept), left_out=(), group_max=most)
