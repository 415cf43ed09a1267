"""What each model is to cost per token, by its policy, and the words that go with it. Pure.

cost: allocation, all that is paid with idle time in it, input and output apart by measured work. single-stream: that
price times what a token takes alone over what it takes at the rated point, on the offers that serve it, weighted by
node-hours (the chargeback guide's "conservative" rate; errata 9: a policy, not a cost). market: the class's reference
price, split between input and output as the cost is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from planner.catalog.offer import Catalog, Offer
from planner.economics.market import HostedPrices, market_of, size_class
from planner.economics.spend import ModelSpend
from planner.economics.unit import exact, unit_cost
from planner.errors import InputError
from planner.fleet import Fleet
from planner.fleet.publish import PublishedModel
from planner.plan import UnitCost
from planner.profile.curve import Profile
from planner.profile.listing import offer_row
from planner.profile.model import Model, Rates
from planner.profile.rate import rates_for
from planner.publish.basis import MachineUse, PriceBasis
from planner.publish.entry import Price
from planner.publish.made_of import made_of
from policies.units import TOKENS_PER_MTOK


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What prices are made of."""

    basis: PriceBasis
    fleet: Fleet
    catalog: Catalog
    profiles: Mapping[str, Profile]
    hosted: HostedPrices


def prices_of(known: Known) -> tuple[Price, ...]:
    """A price for each model that is served. Raises InputError."""
    models = {model.name: model for model in known.fleet.models}
    found = []
    for one in known.basis.models:
        if one.model not in models:
            raise InputError(
                f"{known.basis.source}: model {one.model!r} is not in {known.fleet.source}; expected its fleet"
            )
        if one.input_tokens + one.output_tokens > 0:
            found.append(_price(known, models[one.model], one))
    return tuple(found)


def _price(known: Known, model: Model, spend: ModelSpend) -> Price:
    how = known.fleet.publish.of(model.name)
    cost = unit_cost(spend, spend.cost_usd)
    machines = known.basis.machines.get(model.name, ())
    offers = {one.offer: known.catalog[one.offer] for one in machines if one.offer in known.catalog}
    low, high = _by_policy(known, model, spend, cost, how, {one.offer: one.node_hours for one in machines}, offers)
    return Price(
        model=model.name,
        input_usd_token=low / TOKENS_PER_MTOK,
        output_usd_token=high / TOKENS_PER_MTOK,
        max_tokens=_max_tokens(known, model, offers),
        description=_description(known, model, spend, how, machines),
        policy=how.policy,
        made_of=made_of(machines),
        input_ratio=exact(spend.input_tokens) / exact(spend.input_tokens + spend.output_tokens),
    )


def _by_policy(
    known: Known,
    model: Model,
    spend: ModelSpend,
    cost: UnitCost,
    how: PublishedModel,
    hours: Mapping[str, Decimal],
    offers: Mapping[str, Offer],
) -> tuple[Decimal, Decimal]:
    """Input and output price, USD per million tokens."""
    blended = cost.blended
    # Where no token of a kind is served its own price is unknown: the blended one stands in, never nothing.
    low, high = cost.input or blended, cost.output or blended
    if not blended or not low or not high:
        raise InputError(
            f"{known.basis.source}: {model.name}: what a token costs is unknown; expected nodes that serve it"
        )
    if how.policy == "market":
        ratio = _reference(known, model, spend, how) / blended
        return low * ratio, high * ratio
    if how.policy == "single-stream":
        slower = _slower(known, model, hours, offers)
        return low * slower[0], high * slower[1]
    return low, high


def _reference(known: Known, model: Model, spend: ModelSpend, how: PublishedModel) -> Decimal:
    """The class's price at the model's own mix."""
    policy = known.fleet.pricing
    named = how.base_model or model.name
    model_class = policy.market_class or size_class(named)
    market = None
    if model_class is not None:
        market = market_of(
            known.hosted,
            model_class,
            input_tokens=exact(spend.input_tokens),
            output_tokens=exact(spend.output_tokens),
            quantile=policy.reference_quantile,
            reference_usd_mtok=policy.reference_usd_mtok,
        )
    if market is None:
        raise InputError(
            f"{model.name}: no class of hosted models is told by {named!r}; expected base_model in [[publish.model]] "
            "with its size, such as Qwen2.5-7B, or market_class in [policy.pricing]"
        )
    return market.reference_usd_mtok


def _slower(
    known: Known, model: Model, hours: Mapping[str, Decimal], offers: Mapping[str, Offer]
) -> tuple[Decimal, Decimal]:
    """How much longer an input and an output token take alone than at the rated point, means over node-hours."""
    alone = replace(model, max_concurrency=1.0)
    total = sum((hours[name] for name in offers), Decimal(0))
    low = high = Decimal(0)
    for name, offer in offers.items():
        batched = rates_for(model, offer, known.profiles, measured_only=False)
        single = rates_for(alone, offer, known.profiles, measured_only=False)
        if not isinstance(batched, Rates) or not isinstance(single, Rates):
            raise InputError(f"{model.name}: {name} has no single-stream rate; expected policy cost or market")
        weight = hours[name] / total
        low += weight * exact(batched.prefill_tok_s) / exact(single.prefill_tok_s)
        high += weight * exact(batched.decode_tok_s) / exact(single.decode_tok_s)
    if not total:
        raise InputError(f"{model.name}: none of its nodes is in the catalog; expected policy cost or market")
    return low, high


def _max_tokens(known: Known, model: Model, offers: Mapping[str, Offer]) -> int | None:
    """The longest context that fits every machine that serves it; None: some machine's is unknown."""
    lengths = [offer_row(model, offer, known.profiles, measured_only=False).max_model_len for offer in offers.values()]
    return None if not lengths or None in lengths else min(one for one in lengths if one is not None)


def _description(
    known: Known, model: Model, spend: ModelSpend, how: PublishedModel, machines: Sequence[MachineUse]
) -> str:
    """Machines with their prices, the basis and its time: what a person who asks about a price needs."""
    named = [one.offer if one.usd_hour is None else f"{one.offer} (USD {one.usd_hour:.4f}/h)" for one in machines[:3]]
    more = f" and {len(machines) - 3} more" if len(machines) > 3 else ""
    busy = "" if spend.utilization is None else f", {spend.utilization:.0%} busy"
    on = f"{', '.join(named) or 'no machine'}{more}"
    return f"{model.name} on {on}; {how.policy} price of {known.basis.span}{busy}"
