"""The market `baseload price` compares with: which list, which class, and our prices in it."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from planner import files
from planner.cli.price.charge_options import ChargeOptions
from planner.economics.market import CLASSES, HostedPrices, Market, market_of, size_class, standing
from planner.economics.tiers import ModelCost
from planner.errors import InputError
from planner.exchange.hosted_prices import read_hosted_prices, shipped_hosted_prices
from planner.report.charts import check_chart_path
from planner.report.numbers import Currency
from planner.report.price.market import MarketView, Position
from planner.report.price.tiers import ModelPrices
from policies.pricing import PricingPolicy, position_band


def wants_market(policy: PricingPolicy, asked: ChargeOptions) -> bool:
    """Asked for, or needed by a tier; on the card only where a class can be told."""
    return asked.market or asked.card or any(tier.market_ratio is not None for tier in policy.tiers)


def hosted_prices(asked: ChargeOptions) -> HostedPrices:
    """The list named, or the shipped one."""
    if asked.market_prices is None:
        return shipped_hosted_prices()
    return read_hosted_prices(files.read_text(asked.market_prices), source=str(asked.market_prices))


def market_view(
    policy: PricingPolicy, costs: Sequence[ModelCost], prices: HostedPrices, asked: ChargeOptions
) -> MarketView | None:
    """The market of the class, without our prices yet; None: not told, and not asked for."""
    mix = costs[0].mix
    known = sorted({one.model_class for one in prices.models if one.model_class is not None}, key=_class_order)
    name = asked.market_class or policy.market_class or size_class(costs[0].model)
    if name is None or name not in known:
        if not asked.market and asked.market_class is None:
            return None
        said = f"no class can be told by the name {costs[0].model!r}" if name is None else f"unknown class {name!r}"
        raise InputError(f"--market: {said}; expected --market-class with one of {', '.join(known)}")

    def of_class(model_class: str, reference: Decimal | None = None) -> Market | None:
        return market_of(
            prices,
            model_class,
            input_tokens=mix[0],
            output_tokens=mix[1],
            quantile=policy.reference_quantile,
            reference_usd_mtok=reference,
        )

    market = of_class(name, policy.reference_usd_mtok)
    if market is None:
        raise InputError(f"--market: {prices.source} has no model of {name} left that is neither retired nor free")
    positions = []
    for one in policy.positions:
        against = market if one.market_class is None else of_class(one.market_class)
        positions.append(
            Position(
                name=one.name,
                model_class=one.market_class or name,
                low_ratio=one.low_ratio,
                high_ratio=one.high_ratio,
                band_usd_mtok=None if against is None else position_band(one, against.reference_usd_mtok),
            )
        )
    return MarketView(
        market=market, input_per_output=mix[0] / mix[1] if mix[1] else None, positions=tuple(positions), ours=()
    )


def _class_order(name: str) -> tuple[int, str]:
    return (CLASSES.index(name) if name in CLASSES else len(CLASSES), name)


def with_ours(view: MarketView, made: Sequence[ModelPrices]) -> MarketView:
    """The market with our prices in it: each model's suggested one and its tiers, a price under its first name."""
    ours: dict[tuple[str, Decimal], str] = {}
    for one in made:
        named = [("suggested", one.suggested.price_usd_mtok)]
        named += [(row.name, row.price.price_usd_mtok) for row in one.tiers if row.price is not None]
        for name, price in named:
            if price > 0:
                model = one.cost.model
                ours.setdefault((model, price), f"{model}, {name}" if len(made) > 1 else name)
    return replace(view, ours=tuple(standing(view.market, name, price) for (_, price), name in ours.items()))


def check_chart_file(path: Path) -> None:
    """Raises InputError where the chart could not be drawn or written, before any work is done for it."""
    check_chart_path(path)
    files.check_writable(path)


def write_market_chart(view: MarketView | None, path: Path, currency: Currency) -> None:
    """The market as a picture, in the reader's currency."""
    from planner.report.market_chart import write_market_chart as write

    assert view is not None  # a chart of the market asks for the market
    write(view, path, currency)
