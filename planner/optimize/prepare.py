"""Prepare: catalog, models, rates and policy become the options of a Problem; what cannot win is set aside.

Pure. An option is set aside, with its reason, when it cannot serve any model, or when others that are never scarce do
the same for no more (dominated): neither changes the optimum.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

import numpy as np

from planner.catalog.offer import Catalog, Offer, Role
from planner.demand.forecast import Forecast
from planner.errors import InputError
from planner.optimize.problem import BaseOption, BurstOption, Problem, build_problem
from planner.optimize.spot_loss import SpotOutages
from planner.plan import Rejected
from planner.profile.model import Model, Rates, Unfit
from policies.billing import horizon_fee_usd, months_in
from policies.planning import PlanningPolicy, SpotLoss

RateOf = Callable[[Model, Offer], Rates | Unfit]
OWNED = "#owned"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedServers:
    """Servers already rented: their setup fee is sunk, their fee may differ from today's."""

    offer: Offer
    """At the price in force for these servers."""
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The problem, and the offers that are not in it."""

    problem: Problem
    rejected: tuple[Rejected, ...]
    remarks: tuple[str, ...]
    owned_unused: dict[str, int] = field(default_factory=dict)
    """Owned servers that can serve no model: to cancel."""
    spot_outages: SpotOutages | None = None
    """Needed where the policy survives the loss of spot."""


def prepare(
    *,
    forecast: Forecast,
    models: tuple[Model, ...],
    catalog: Catalog,
    owned: tuple[OwnedServers, ...],
    policy: PlanningPolicy,
    rate_of: RateOf,
    keeps_base: bool = False,
    base_counts: Mapping[str, int] | None = None,
) -> Prepared:
    """The problem of serving `forecast` with the offers of `catalog`; `models` in the forecast's order.

    With `base_counts` the base nodes are given, by key, and only burst is free; options it does not name have none.
    `keeps_base`: dominated base offers stay, as fee and setup fee weigh differently where months follow one another.
    Raises InputError where a model has demand and no option at all can serve it.
    """
    months = months_in(forecast.start, forecast.end)
    rates: list[dict[str, Rates]] = [{} for _ in models]
    rejected, remarks = [], []
    base: list[BaseOption] = []
    burst: list[BurstOption] = []
    unused: dict[str, int] = {}
    held = _owned_keys(owned)
    for key, offer, count in [*((o.id, o, None) for o in catalog), *held]:
        reasons = _rate(models, offer, key, rates, rate_of)
        if len(reasons) == len(models) and count is not None:
            unused[key] = count
            rejected.append(Rejected(offer=key, reason="owned; " + "; ".join(dict.fromkeys(reasons))))
        elif len(reasons) == len(models) and offer.min_count == 0:
            rejected.append(Rejected(offer=key, reason="; ".join(dict.fromkeys(reasons))))
        elif offer.role is Role.BASE:
            base.append(_base_option(key, offer, count, forecast, months, policy, held))
        else:
            burst.append(_burst_option(offer, models, policy))
            if offer.is_spot and offer.interruptions_per_hour is None:
                remarks.append(f"{offer.id}: no interruption rate is known; none is charged")
    _refuse_unservable(models, forecast, rates, rejected)
    if base_counts is not None:
        base = [_given(option, base_counts[option.key]) for option in base if base_counts.get(option.key, 0) > 0]
    group_max = dict(catalog.group_max)
    _share_limits(base, held, group_max)
    kept_base, kept_burst, dominated = _undominated(base, burst, rates, policy, keeps_base=keeps_base)
    keys = {option.key for option in kept_base} | {option.key for option in kept_burst}
    problem = build_problem(
        forecast=forecast,
        models=models,
        base=tuple(kept_base),
        burst=tuple(kept_burst),
        rates=tuple({key: known for key, known in rates_m.items() if key in keys} for rates_m in rates),
        group_max=group_max,
        policy=policy,
        months=months,
    )
    left_out = [Rejected(offer=one.id, reason=one.reason) for one in catalog.left_out]
    return Prepared(
        problem=problem, rejected=(*rejected, *dominated, *left_out), remarks=tuple(remarks), owned_unused=unused
    )


def lead_time_s(offer: Offer, model: Model, policy: PlanningPolicy) -> float:
    """Seconds from the request to a node that is ready with the model loaded."""
    launch = policy.unknown_lead_time_s if offer.lead_time_s is None else offer.lead_time_s
    return launch + model.load_time_s


def egress_usd_mtok(offer: Offer, policy: PlanningPolicy) -> Decimal:
    """Egress per million output tokens: bytes per token x price per GB (1e6 tokens x bytes / 1e9)."""
    return offer.egress_usd_gb * policy.egress_bytes_per_output_token / 1000


def setup_share_usd(offer: Offer, months: Decimal, policy: PlanningPolicy) -> Decimal:
    """The part of a setup fee that so many months bear; paid once, so that more than the tenure bear no more."""
    return offer.setup_fee_usd * min(months / policy.tenure_months, Decimal(1))


def interruption_usd_hour(offer: Offer, models: Iterable[Model], policy: PlanningPolicy) -> Decimal:
    """Expected cost of interruptions per node-hour: rate x price x (relaunch + work done again).

    The relaunch is paid while the node loads; with several models the slowest to load counts.
    """
    if offer.interruptions_per_hour is None or offer.price_usd_hour is None:
        return Decimal(0)
    lost_s = max(lead_time_s(offer, model, policy) for model in models) + policy.lost_work_s
    return offer.price_usd_hour * Decimal(repr(offer.interruptions_per_hour * lost_s / 3600))


def _owned_keys(owned: tuple[OwnedServers, ...]) -> list[tuple[str, Offer, int | None]]:
    """Key, offer and count of each block of owned servers; a second block of one offer is numbered."""
    keys: list[tuple[str, Offer, int | None]] = []
    for block in owned:
        same = sum(offer.id == block.offer.id for _, offer, _ in keys)
        keys.append((f"{block.offer.id}{OWNED}{'' if same == 0 else f'-{same + 1}'}", block.offer, block.count))
    return keys


def _rate(
    models: tuple[Model, ...], offer: Offer, key: str, rates: list[dict[str, Rates]], rate_of: RateOf
) -> list[str]:
    """Fill in what the offer sustains of each model; the reasons of those it cannot serve."""
    reasons = []
    for m, model in enumerate(models):
        found = rate_of(model, offer)
        if isinstance(found, Rates):
            rates[m][key] = found
        else:
            reasons.append(found.reason if len(models) == 1 else f"{model.name}: {found.reason}")
    return reasons


def _base_option(
    key: str,
    offer: Offer,
    owned_count: int | None,
    forecast: Forecast,
    months: Decimal,
    policy: PlanningPolicy,
    held: list[tuple[str, Offer, int | None]],
) -> BaseOption:
    is_owned = owned_count is not None
    already = sum(count or 0 for _, other, count in held if other.id == offer.id)
    return BaseOption(
        key=key,
        offer=offer,
        fee_usd=horizon_fee_usd(offer.tariff, forecast.start, forecast.end),
        setup_usd=Decimal(0) if is_owned else setup_share_usd(offer, months, policy),
        setup_due_usd=Decimal(0) if is_owned else offer.setup_fee_usd,
        egress_usd_mtok=egress_usd_mtok(offer, policy),
        min_count=0 if is_owned else max(0, offer.min_count - already),
        max_count=owned_count if is_owned else offer.max_count,
        count_group=offer.count_group,
        owned_count=owned_count,
    )


def _given(option: BaseOption, count: int) -> BaseOption:
    """The option with its number of nodes given; a group it is of counts them as before."""
    return replace(option, min_count=count, max_count=count)


def _burst_option(offer: Offer, models: tuple[Model, ...], policy: PlanningPolicy) -> BurstOption:
    if offer.price_usd_hour is None:
        raise InputError(f"offer {offer.id}: a burst offer needs price_usd_hour")
    return BurstOption(
        key=offer.id,
        offer=offer,
        price_usd_hour=offer.price_usd_hour,
        interruption_usd_hour=interruption_usd_hour(offer, models, policy),
        egress_usd_mtok=egress_usd_mtok(offer, policy),
        max_count=offer.max_count,
        count_group=offer.count_group,
        is_spot=offer.is_spot,
    )


def _share_limits(base: list[BaseOption], held: list[tuple[str, Offer, int | None]], group_max: dict[str, int]) -> None:
    """An offer's own max_count counts what is owned of it too: a group of the new and the owned."""
    for offer in {other.id: other for _, other, _ in held}.values():
        if offer.max_count is None or offer.count_group is not None:
            continue
        group = f"max_count of {offer.id}"
        group_max[group] = offer.max_count
        for index, option in enumerate(base):
            if option.offer.id == offer.id:
                base[index] = replace(option, count_group=group)


def _refuse_unservable(
    models: tuple[Model, ...], forecast: Forecast, rates: list[dict[str, Rates]], rejected: list[Rejected]
) -> None:
    for m, model in enumerate(models):
        asked = float((forecast.input_tok_s[:, m] + forecast.output_tok_s[:, m]).sum())
        if asked > 0 and not rates[m]:
            why = "; ".join(f"{one.offer}: {one.reason}" for one in rejected[:3])
            more = f" (and {len(rejected) - 3} more)" if len(rejected) > 3 else ""
            raise InputError(f"model {model.name}: no offer can serve it; {why or 'the catalog is empty'}{more}")


def _undominated(
    base: list[BaseOption],
    burst: list[BurstOption],
    rates: list[dict[str, Rates]],
    policy: PlanningPolicy,
    *,
    keeps_base: bool,
) -> tuple[list[BaseOption], list[BurstOption], list[Rejected]]:
    """The options that could be in an optimum, and why the others cannot."""
    survives = policy.survive_spot_loss is not SpotLoss.NONE
    rivals = [
        _Rival(
            key=o.key,
            costs=(float(o.price_usd_hour + o.interruption_usd_hour), float(o.price_usd_hour)),
            egress_usd_mtok=float(o.egress_usd_mtok),
            is_plenty=o.max_count is None and o.count_group is None,
            is_fixed=False,
            is_limited_spot=o.is_spot and (policy.max_spot_share < 1 or survives),
        )
        for o in burst
    ]
    bases = [
        _Rival(
            key=o.key,
            costs=(float(o.fee_usd + o.setup_usd),),
            egress_usd_mtok=float(o.egress_usd_mtok),
            is_plenty=o.max_count is None and o.count_group is None,
            is_limited_spot=False,
            is_fixed=keeps_base or o.min_count > 0 or o.owned_count is not None,  # so that the plan can say "cancel"
        )
        for o in base
    ]
    # Where a pool holds at most a share s of the nodes, 1/s pools that are each as good leave room for any node: were
    # they all full, no other node would be there. Then only one node for one, which keeps the number of nodes.
    needed = 1 if policy.max_pool_share >= 1 else math.ceil(1 / max(policy.max_pool_share, 1e-9))
    lost = {one.offer: one for one in (*_dominated(bases, rates, 1), *_dominated(rivals, rates, needed))}
    kept_base = [option for option in base if option.key not in lost]
    kept_burst = [option for option in burst if option.key not in lost]
    return kept_base, kept_burst, list(lost.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rival:
    """What decides whether one option replaces another."""

    key: str
    costs: tuple[float, ...]
    egress_usd_mtok: float
    is_plenty: bool
    """Never scarce: as many as one likes."""
    is_limited_spot: bool
    """Spot, where spot is limited or may be lost: it may stand for spot only, node for node."""
    is_fixed: bool
    """Stays among the options whatever replaces it."""


def _dominated(rivals: list[_Rival], rates: list[dict[str, Rates]], needed: int) -> list[Rejected]:
    """Options that `needed` plentiful others replace, each at no more cost and egress; several for one if it is 1."""
    rejected: dict[str, Rejected] = {}
    by_cost = sorted(rivals, key=lambda rival: (rival.costs, rival.key))
    for one in by_cost:
        by: list[tuple[_Rival, int]] = []
        for other in by_cost if not one.is_fixed else []:
            if other.key in rejected or other.key == one.key or not other.is_plenty:
                continue
            nodes = _nodes_instead(one, other, rates)
            if nodes is not None and (nodes == 1 or needed == 1):
                by.append((other, nodes))
            if len(by) == needed:
                break
        if len(by) == needed:
            names = " and ".join(f"{'' if nodes == 1 else f'{nodes} x '}{other.key}" for other, nodes in by)
            first, nodes = by[0]
            rejected[one.key] = Rejected(
                offer=one.key,
                reason=f"dominated by {names}: at least as fast at every input:output mix, for no more",
                cheaper_by_usd=Decimal(repr(one.costs[0] - nodes * first.costs[0])),
            )
    return list(rejected.values())


def _nodes_instead(one: _Rival, other: _Rival, rates: list[dict[str, Rates]]) -> int | None:
    """How many nodes of `other` stand for one of `one` at no more cost and egress; None if they cannot."""
    if other.egress_usd_mtok > one.egress_usd_mtok or (other.is_limited_spot and not one.is_limited_spot):
        return None
    nodes = _replacement(rates, one.key, other.key)
    if nodes is None or any(nodes * b > a for a, b in zip(one.costs, other.costs, strict=True)):
        return None
    return None if other.is_limited_spot and nodes > 1 else nodes


def _replacement(rates: list[dict[str, Rates]], option: str, by: str) -> int | None:
    """How many nodes of `by` do all that one of `option` does, for every model; None if they cannot."""
    nodes = 1
    for known in rates:
        if option not in known:
            continue
        if by not in known:
            return None
        need = max(
            known[option].prefill_tok_s / known[by].prefill_tok_s, known[option].decode_tok_s / known[by].decode_tok_s
        )
        nodes = max(nodes, int(np.ceil(need * (1 - 1e-12))))
    return nodes
