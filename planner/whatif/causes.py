"""Why two plans differ: the inputs that differ between them and matter to what they rent. Pure: values, no words.

Prices, rates and limits count where an offer is rented before or after; what concerns no rented offer is no cause.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum

from planner.catalog.offer import Catalog, Offer, Role
from planner.optimize.prepare import OWNED
from planner.plan import ModelTerms, OfferTerms, Plan

CLOSE = 1e-9
"""Relative difference below which two figures are the same."""

LEFT_OUT = "left out"
DOMINATED = "dominated"
"""How the reason of an offer begins that others replace."""


class Kind(StrEnum):
    """What differs."""

    TOKENS = "tokens"
    """Million tokens asked for."""
    PEAK = "peak"
    """Tokens per second of the busiest hour, the tokens being the same."""
    TIMING = "timing"
    """When the same tokens with the same peak are asked for."""
    CACHE = "cache"
    """Share of a model's input tokens that the prefix cache serves."""
    PENALTY = "penalty"
    """USD for a million tokens of a model left unserved."""
    INPUT_RATE = "input_rate"
    OUTPUT_RATE = "output_rate"
    """Tok/s of a model that a rented offer sustains."""
    OUT = "out"
    """A rented offer that can no longer be used."""
    IN = "in"
    """A rented offer that could not serve before."""
    PRICE = "price"
    """What a rented offer costs, as a multiple of before."""
    LIMIT = "limit"
    """Most nodes of a rented offer, or of a group; None: no limit."""
    POLICY = "policy"
    """A number of the planning policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One input that differs: of what, and its value before and after."""

    kind: Kind
    subject: str = ""
    """Offer, group, or key of the policy."""
    model: str = ""
    before: float | Decimal | str | None = None
    after: float | Decimal | str | None = None
    detail: str = ""
    """Why an offer is out, or was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """How much is asked for, over all models."""

    mtok: float
    peak_tok_s: float
    is_moved: bool = False
    """Whether any hour differs from the demand before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a comparison: the plan, what it could rent, what it rents, what was asked."""

    plan: Plan
    catalog: Catalog
    rented: frozenset[str]
    """Keys of the offers it rents."""
    demand: Demand


def causes(before: Side, after: Side) -> tuple[Cause, ...]:
    """What differs between the inputs of two plans and matters to what they rent, demand first."""
    prices = tuple(_prices(before, after))
    priced = frozenset(cause.subject for cause in prices)
    return (
        *_demand(before.demand, after.demand),
        *_models(before.plan, after.plan, before.rented | after.rented),
        *_out_and_in(before, after, priced),
        *prices,
        *_limits(before, after),
        *_policy(before.plan, after.plan),
    )


def _demand(before: Demand, after: Demand) -> Iterator[Cause]:
    if _differ(before.mtok, after.mtok):
        yield Cause(kind=Kind.TOKENS, before=before.mtok, after=after.mtok)
    elif _differ(before.peak_tok_s, after.peak_tok_s):
        yield Cause(kind=Kind.PEAK, before=before.peak_tok_s, after=after.peak_tok_s)
    elif after.is_moved:
        yield Cause(kind=Kind.TIMING)


def _models(before: Plan, after: Plan, rented: frozenset[str]) -> Iterator[Cause]:
    for name, new in after.models.items():
        old = before.models[name]
        if _differ(old.cache_hit_ratio, new.cache_hit_ratio):
            yield Cause(kind=Kind.CACHE, model=name, before=old.cache_hit_ratio, after=new.cache_hit_ratio)
        if old.unserved_usd_mtok != new.unserved_usd_mtok:
            yield Cause(kind=Kind.PENALTY, model=name, before=old.unserved_usd_mtok, after=new.unserved_usd_mtok)
        yield from _rates(name, old, new, rented)


def _rates(model: str, old: ModelTerms, new: ModelTerms, rented: frozenset[str]) -> Iterator[Cause]:
    for key in sorted(rented & set(old.rates) & set(new.rates)):
        was, now = old.rates[key], new.rates[key]
        for kind, a, b in (
            (Kind.OUTPUT_RATE, was.decode_tok_s, now.decode_tok_s),
            (Kind.INPUT_RATE, was.prefill_tok_s, now.prefill_tok_s),
        ):
            if _differ(a, b):
                yield Cause(kind=kind, subject=key, model=model, before=a, after=b)
                break


def _out_and_in(before: Side, after: Side, priced: frozenset[str]) -> Iterator[Cause]:
    """Rented offers that only one side could use; dominated before, or by a new price, is an effect and no cause."""
    for key in sorted(before.rented - set(after.plan.offers) - priced):
        yield Cause(kind=Kind.OUT, subject=key, detail=_why_out(key, after))
    for key in sorted(after.rented - set(before.plan.offers) - priced):
        detail = _why_out(key, before)
        if not detail.startswith(DOMINATED):
            yield Cause(kind=Kind.IN, subject=key, detail=detail)


def _why_out(key: str, side: Side) -> str:
    if key.partition(OWNED)[0] not in side.catalog:
        return LEFT_OUT
    return next((one.reason for one in side.plan.rejected if one.offer == key), "")


def _prices(before: Side, after: Side) -> Iterator[Cause]:
    for key in sorted(before.rented | after.rented):
        old, new = before.plan.offers.get(key), after.plan.offers.get(key)
        if old is not None and new is not None:
            was, now = _planned_price(old), _planned_price(new)
        elif key in before.catalog and key in after.catalog:  # dominated on one side
            was, now = (_listed_price(side.catalog[key]) for side in (before, after))
        else:
            continue
        if was is not None and now is not None and was != now:
            yield Cause(kind=Kind.PRICE, subject=key, before=was, after=now)


def _planned_price(terms: OfferTerms) -> Decimal | None:
    """Fee of the horizon, or price of an hour."""
    return terms.rate_usd_hour if terms.fee_usd_horizon is None else terms.fee_usd_horizon


def _listed_price(offer: Offer) -> Decimal | None:
    """Fee of the month, or price of an hour."""
    is_base = offer.role is Role.BASE and offer.fee_usd_month is not None
    return offer.fee_usd_month if is_base else offer.price_usd_hour


def _limits(before: Side, after: Side) -> Iterator[Cause]:
    rented = before.rented | after.rented
    old, new = before.plan.offers, after.plan.offers
    groups: set[str] = set()
    for key in sorted(rented & set(old) & set(new)):
        if old[key].max_count != new[key].max_count:
            yield Cause(kind=Kind.LIMIT, subject=key, before=old[key].max_count, after=new[key].max_count)
        group = old[key].count_group or new[key].count_group
        if group is not None and group not in groups and old[key].group_max != new[key].group_max:
            groups.add(group)
            yield Cause(kind=Kind.LIMIT, subject=group, before=_most(old[key]), after=_most(new[key]))


def _most(terms: OfferTerms) -> int | None:
    return None if terms.count_group is None else terms.group_max


def _policy(before: Plan, after: Plan) -> Iterator[Cause]:
    for one in fields(before.policy):
        old, new = getattr(before.policy, one.name), getattr(after.policy, one.name)
        if old != new and one.name != "unserved_usd_mtok":  # said by model
            yield Cause(kind=Kind.POLICY, subject=one.name, before=_plain(old), after=_plain(new))


def _plain(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _differ(a: float, b: float) -> bool:
    return abs(a - b) > CLOSE * max(abs(a), abs(b))
