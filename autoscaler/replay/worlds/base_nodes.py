"""The base nodes of a world: written out, or those the planner would rent for the traffic. Each with its bill.

Base nodes are on from start to end: a replay neither orders nor cancels them, and their fees count in every bill.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from math import floor

import numpy as np

from autoscaler.replay.traffic.hourly import hourly
from autoscaler.replay.world import BaseNodes, Traffic
from autoscaler.replay.worlds.settings import BaseBlock
from autoscaler.replay.worlds.sold import Sold, nearest_curve, written_rates
from planner.case import Case, solve_case
from planner.catalog.offer import Role
from planner.errors import InputError
from planner.optimize.prepare import setup_share_usd
from planner.plan import OfferTerms, Plan
from planner.profile.curve import Curve
from planner.profile.model import Rates, Unfit
from policies.billing import Billing, Tariff, horizon_fee_usd, months_in


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedBase:
    """Base nodes, and what one of them sustains of its model."""

    nodes: BaseNodes
    rates: Rates
    curve: Curve | None


def written_base(block: BaseBlock, traffic: Traffic, sold: Sold | None, *, source: str) -> RatedBase:
    """The base nodes a block writes out, and what one of them sustains of its model."""
    where = f"{source}, [[base]] {block.offer}"
    if block.model is None and len(traffic.models) > 1:
        raise InputError(f"{where}: expected model, one of {', '.join(traffic.models)}")
    model = block.model or traffic.models[0]
    if model not in traffic.models:
        raise InputError(f"{where}: no traffic of model {model!r}; expected one of {', '.join(traffic.models)}")
    if block.decode_tok_s is None:
        rates, curve = _catalog_rates(block.offer, model, traffic, sold, where)
    else:
        rates, curve = written_rates(block.prefill_tok_s, block.decode_tok_s), None
    count = block.count
    if count is None:
        asked = traffic.output_tok_s[traffic.models.index(model)]
        count = floor(float(np.quantile(asked, block.demand_quantile or 0.0)) / rates.decode_tok_s)
    bill = count * _fee_usd(block, traffic, sold, where)
    nodes = BaseNodes(offer=block.offer, model=model, count=count, bill_usd=bill)
    return RatedBase(nodes=nodes, rates=rates, curve=curve)


def planned_base(plan: Plan, traffic: Traffic, sold: Sold | None, *, source: str) -> tuple[RatedBase, ...]:
    """The base nodes of a plan, billed for the traffic's span in proportion to the plan's."""
    span = Decimal(repr(traffic.duration_s)) / Decimal(repr((plan.end - plan.start).total_seconds()))
    counts: dict[tuple[str, str], int] = defaultdict(int)
    bills: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for model, hour in plan.hours_detail[0].by_model.items() if plan.hours_detail else ():
        for key, count in hour.base.items():
            terms = plan.offers[key]
            counts[terms.offer_id, model] += count
            bills[terms.offer_id, model] += count * span * _terms_usd(terms)
    base = []
    for (offer, model), count in counts.items():
        if count == 0:
            continue
        where = f"{source}, base offer {offer}"
        if model not in traffic.models:
            raise InputError(f"{where}: serves {model} in the plan, of which there is no traffic")
        nodes = BaseNodes(offer=offer, model=model, count=count, bill_usd=bills[offer, model])
        rates, curve = _catalog_rates(offer, model, traffic, sold, where)
        base.append(RatedBase(nodes=nodes, rates=rates, curve=curve))
    return tuple(base)


def plan_for(traffic: Traffic, sold: Sold, pools: frozenset[str]) -> Plan:
    """The plan for the hourly means of the traffic with these burst pools and every base offer of the catalog."""
    offers = tuple(offer for offer in sold.catalog if offer.id in pools or offer.role is Role.BASE)
    return solve_case(
        Case(
            fleet=sold.fleet,
            catalog=replace(sold.catalog, offers=offers, left_out=()),
            forecast=hourly(traffic),
            profiles=sold.profiles,
        )
    ).plan


def _catalog_rates(
    offer: str, model: str, traffic: Traffic, sold: Sold | None, where: str
) -> tuple[Rates, Curve | None]:
    """What a node of the catalog's offer sustains of the model, and the curve its delay is read from."""
    if sold is None or offer not in sold.catalog:
        raise InputError(f"{where}: no such offer in the catalog; expected one, or decode_tok_s and fee_usd_month")
    served = next((one for one in sold.fleet.models if one.name == model), None)
    if served is None:
        raise InputError(f"{where}: {sold.fleet.source} has no model {model!r}; expected it")
    found = sold.rated(served, sold.catalog[offer])
    if isinstance(found, Unfit):
        raise InputError(f"{where}: cannot serve {model} ({found.reason})")
    return found.rates, nearest_curve(found, sold.catalog[offer], *traffic.mean_tok_s(model))


def _fee_usd(block: BaseBlock, traffic: Traffic, sold: Sold | None, where: str) -> Decimal:
    """What one base node costs over the traffic's span, USD; setup fees spread as the policy says."""
    start, end = traffic.start, traffic.end
    if block.fee_usd_month is not None:
        if block.month_h is not None:
            return block.fee_usd_month * _hours(end - start) / Decimal(repr(block.month_h))
        return horizon_fee_usd(Tariff(billing=Billing.MONTH, fee_usd_month=block.fee_usd_month), start, end)
    if sold is None or block.offer not in sold.catalog:
        raise InputError(f"{where}: no such offer in the catalog; expected one, or decode_tok_s and fee_usd_month")
    offer = sold.catalog[block.offer]
    setup = setup_share_usd(offer, months_in(start, end), sold.fleet.policy)
    return horizon_fee_usd(offer.tariff, start, end) + setup


def _terms_usd(terms: OfferTerms) -> Decimal:
    return (terms.fee_usd_horizon or Decimal(0)) + (terms.setup_usd_horizon or Decimal(0))


def _hours(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(microseconds=1)) / 3_600_000_000
