"""The figures of the quick reference card of `baseload price --card`."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from planner.cli.price.subject import Subject
from planner.cli.price.traffic import subject_costs
from planner.economics.breakeven import TrafficCost, break_even_rows
from planner.economics.market import HostedPrices, market_of
from planner.economics.quote import quote_spend
from planner.economics.tiers import ModelCost
from planner.economics.unit import exact
from planner.report.price.card import Card, CardMarket, CardPrice, CardVolume
from planner.report.price.market import MarketView
from planner.report.price.tiers import ModelPrices
from policies.hidden import HiddenCost
from policies.units import TOKENS_PER_MTOK

CARD_VOLUMES = (Decimal(1), Decimal(2), Decimal(5))
"""Multiples of the break-even traffic on the card, as on the guide's."""


def card_of(
    subject: Subject,
    hidden: tuple[HiddenCost, ...],
    made: Sequence[ModelPrices],
    view: MarketView | None,
    prices: HostedPrices,
) -> Card:
    """The figures of the card. Break-even of several models asks each its own price; of several machines, the first."""
    first = made[0]
    suggested, note = _asked(subject, made)
    volumes: tuple[CardVolume, ...] = ()
    priced = _of_first(subject)
    if priced.spend is not None:
        growing = subject_costs(priced, hidden)[0]
        (row,) = break_even_rows(growing, [suggested])
        if row.mtok_month is None:
            note = f"{note}: never; {row.why_never}"
        else:
            least = row.mtok_month
            if not least:  # all of it is rented by the hour: no multiple of that says anything
                note = f"{note}: from the first token on; 1, 2 and 5 times its traffic"
                least = exact(priced.spend.tokens) / TOKENS_PER_MTOK / priced.spend.months
            volumes = tuple(_volume(least * times, suggested, growing) for times in CARD_VOLUMES)
    names = len({one.cost.model for one in made}) > 1
    return Card(
        about=subject.source,
        costs=tuple(
            (" ".join(part for part in (one.cost.model, point.label) if part), point.true_usd_mtok)
            for one in made
            for point in one.cost.points
        ),
        prices=tuple(
            CardPrice(
                name=f"{one.cost.model}, {row.name}" if names else row.name,
                price_usd_mtok=None if row.price is None else row.price.price_usd_mtok,
                true_margin_ratio=row.margins[0].true_ratio if row.margins else None,
                note="SLA included" if row.has_sla else "",
            )
            for one in made
            for row in one.tiers
        ),
        volumes=volumes,
        break_even_note=note,
        market=() if view is None else _card_market(view, prices, first.cost),
    )


def _asked(subject: Subject, made: Sequence[ModelPrices]) -> tuple[Decimal, str]:
    """What a million tokens brings at the suggested prices, at the mix of models served; and what that price is."""
    first = made[0]
    if len(made) == 1:
        return first.suggested.price_usd_mtok, "at the suggested price"
    if subject.spend is None:
        return first.suggested.price_usd_mtok, f"{first.cost.model} at its suggested price"
    tokens = [exact(one.cost.input_tokens + one.cost.output_tokens) for one in made]
    brought = sum((one.suggested.price_usd_mtok * of for one, of in zip(made, tokens, strict=True)), Decimal(0))
    return brought / sum(tokens), "all models, each at its suggested price; mean price shown"


def _of_first(subject: Subject) -> Subject:
    """The subject, or of several machines the first one, at the utilization prices are made at."""
    if subject.spend is not None or subject.throughout is None:
        return subject
    spend = quote_spend(
        subject.machines[0],
        subject.throughout,
        input_per_output=subject.input_per_output,
        price_basis=subject.price_basis,
    )
    return replace(subject, spend=spend)


def _volume(mtok: Decimal, price: Decimal, cost: TrafficCost) -> CardVolume:
    return CardVolume(mtok_month=mtok, price_usd_mtok=price, revenue_usd=mtok * price, cost_usd=cost.usd(mtok))


def _card_market(view: MarketView, prices: HostedPrices, cost: ModelCost) -> tuple[CardMarket, ...]:
    """The class from its cheapest to its dearest, its reference, and the classes of the policy's other positions."""
    rows = view.market.rows
    found = [
        CardMarket(
            name=f"hosted {view.market.model_class}, {len(rows)} prices",
            low_usd_mtok=rows[0].blended_usd_mtok,
            high_usd_mtok=rows[-1].blended_usd_mtok,
        ),
        CardMarket(
            name="its reference",
            low_usd_mtok=view.market.reference_usd_mtok,
            high_usd_mtok=view.market.reference_usd_mtok,
        ),
    ]
    for name in dict.fromkeys(one.model_class for one in view.positions):
        other = market_of(prices, name, input_tokens=cost.mix[0], output_tokens=cost.mix[1])
        if other is not None and name != view.market.model_class:
            found.append(
                CardMarket(
                    name=f"hosted {name}, {len(other.rows)} prices",
                    low_usd_mtok=other.rows[0].blended_usd_mtok,
                    high_usd_mtok=other.rows[-1].blended_usd_mtok,
                )
            )
    return tuple(found)
