"""Section `tiers`: what to charge by the pricing policy, and what each price really leaves."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from planner.report.numbers import Currency, number, percent, signed
from planner.report.price.section import Section
from planner.report.price.tiers_json import SCHEMA, ModelPrices, tiers_document
from planner.report.screen import Cell, Column, table, words
from policies.pricing import CostBasis, PricingPolicy

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["KEY", "SCHEMA", "ModelPrices", "tiers_section"]

KEY = "tiers"


def tiers_section(policy: PricingPolicy, source: str, models: Sequence[ModelPrices]) -> Section:
    """The prices of each model under the policy."""
    return Section(
        key=KEY,
        title=f"What to charge, by {source}",
        parts=lambda currency: _parts(policy, models, currency),
        document=tiers_document(policy, source, rule_in_words(policy), models),
    )


def rule_in_words(policy: PricingPolicy) -> str:
    """Markup or margin, on which cost, rounded how."""
    cost = "direct cost" if policy.cost_basis is CostBasis.DIRECT else "true cost"
    if policy.margin_ratio is not None:
        rule = f"{percent(policy.margin_ratio, 0)} % of the price is margin on {cost}"
    else:
        rule = f"{cost} and a markup of {percent(policy.markup_ratio, 0)} %"
    if policy.rounding is None:
        return f"{rule}, not rounded"
    how = (
        "to the nearest" if policy.rounding.direction == "nearest" else f"{policy.rounding.direction} to a multiple of"
    )
    return f"{rule}, rounded {how} {policy.rounding.step_usd_mtok.normalize():f}"


# The text


def _parts(policy: PricingPolicy, models: Sequence[ModelPrices], currency: Currency) -> "list[RenderableType]":
    parts: list[RenderableType] = []
    if policy.tiers:
        parts += [_tier_table(policy, models, currency), ""]
    parts += [line for one in models for line in _suggested(one, currency)]
    parts += _sentences(policy, models, currency)
    parts += ["", "Input and output apart, each split neutral at the real mix", "", _split_table(models, currency)]
    if any(len(one.discounts) > 1 for one in models):
        parts += ["", "Volume discounts on the suggested price, for all tokens of the month", ""]
        parts += [_discount_table(models, currency)]
    if any(one.commitments for one in models):
        parts += ["", "Minimum commitments at the suggested price: paid whether used or not", ""]
        parts += [_commitment_table(models, currency)]
        parts += ["", "margin: billed less the unit cost of the tokens used; busy: the committed tokens, of capacity."]
    return parts


def _tier_table(policy: PricingPolicy, models: Sequence[ModelPrices], currency: Currency) -> "RenderableType":
    """A row per tier; the model is named where there are several, so that one model fits a narrow terminal."""
    code = currency.code
    labels = [point.label for point in models[0].cost.points]
    hidden = any(point.hidden_usd_mtok is not None for one in models for point in one.cost.points)
    has_band = policy.min_price_usd_mtok is not None or policy.max_price_usd_mtok is not None
    true = "true margin" if hidden else "margin"
    columns = [
        words("tier"),
        words("rule"),
        Column(title="price", unit=f"{code}/Mtok", places=4),
        Column(title="input", unit=f"{code}/Mtok", places=4),
        Column(title="output", unit=f"{code}/Mtok", places=4),
        *(
            Column(title="margin", unit=f"% {label or 'on direct'}", places=1, is_ratio=True)
            for label in labels
            if hidden
        ),
        *(Column(title=true, unit=f"% {label}".strip(), places=1, is_ratio=True) for label in labels),
        *([words("band")] if has_band else []),
    ]
    rows: list[tuple[str, list[Cell]]] = []
    for one in models:
        for row in one.tiers:
            split, margins = row.split, row.margins or (None,) * len(labels)
            cells: list[Cell] = [
                row.name,
                row.rule,
                currency.amount(None if row.price is None else row.price.price_usd_mtok),
                None if split is None else currency.amount(split.input_usd_mtok),
                None if split is None else currency.amount(split.output_usd_mtok),
                *(None if m is None else m.direct_ratio for m in margins if hidden),
                *(None if m is None else m.true_ratio for m in margins),
                *(([None if row.in_band is None else row.in_band.value]) if has_band else []),
            ]
            rows.append((one.cost.model, cells))
    return _by_model(columns, rows, models)


def _by_model(
    columns: list[Column], rows: Sequence[tuple[str, list[Cell]]], models: Sequence[ModelPrices]
) -> "RenderableType":
    """The table, with the model in front of its first row where there are several."""
    if len(models) == 1:
        return table(columns, [cells for _, cells in rows])
    named: list[list[Cell]] = []
    for index, (model, cells) in enumerate(rows):
        named.append([model if index == 0 or rows[index - 1][0] != model else "", *cells])
    return table([words("model"), *columns], named)


def _suggested(one: ModelPrices, currency: Currency) -> list[str]:
    """How the suggested price is made, and where it is a loss."""
    code, price = currency.code, one.suggested
    first = one.cost.points[0]
    at = f" {first.label}" if first.label else ""
    line = (
        f"{one.cost.model}: suggested {code} {number(currency.amount(price.price_usd_mtok), 4)} for a true cost of "
        f"{number(currency.amount(first.true_usd_mtok), 4)}{at}"
    )
    if price.effect_usd_mtok:
        line += (
            f"; rounding from {number(currency.amount(price.exact_usd_mtok), 4)} adds "
            f"{signed(currency.amount(price.effect_usd_mtok), 4)}, "
            f"{signed(None if price.effect_ratio is None else price.effect_ratio * 100, 1)} %"
        )
    lines = [line + "."]
    losing = [row.name for row in one.tiers if any(margin.is_loss for margin in row.margins)]
    if losing:
        where = "" if len(one.cost.points) == 1 else " at one of these costs at least"
        lines.append(f"{one.cost.model}: a loss{where}: {', '.join(losing)}.")
    return lines


def _sentences(policy: PricingPolicy, models: Sequence[ModelPrices], currency: Currency) -> list[str]:
    lines = [f"Rule: {rule_in_words(policy)}. Margin is (price - cost) / price; markup would be (price - cost) / cost."]
    low, high = policy.min_price_usd_mtok, policy.max_price_usd_mtok
    if low is not None or high is not None:
        ends = " to ".join(
            number(currency.amount(end), 2) if end is not None else "any" for end in (low or Decimal(0), high)
        )
        lines.append(f"Price band: {currency.code} {ends}; a price outside of it is left as it is.")
    lines += [
        f"{one.cost.model}: the band ends below the true cost; no price in it pays."
        for one in models
        if high is not None and one.cost.points[0].true_usd_mtok > high
    ]
    served = [f"{tier.name}: {tier.customers}" for tier in policy.tiers if tier.customers]
    if served:
        lines.append(f"For {'; '.join(served)}.")
    if policy.sla_headroom_ratio and any(tier.has_sla for tier in policy.tiers):
        kept = percent(policy.sla_headroom_ratio, 0)
        named = ", ".join(tier.name for tier in policy.tiers if tier.has_sla)
        lines.append(f"With a service level, at the cost of {kept} % of capacity kept free for it: {named}.")
    return lines


def _split_table(models: Sequence[ModelPrices], currency: Currency) -> "RenderableType":
    code = currency.code
    columns = [
        words("split"),
        Column(title="input", unit=f"{code}/Mtok", places=4),
        Column(title="output", unit=f"{code}/Mtok", places=4),
        Column(title="exact in", unit=f"{code}/Mtok", places=4),
        Column(title="exact out", unit=f"{code}/Mtok", places=4),
        Column(title="rounding", unit="% of revenue", places=1, is_ratio=True),
    ]
    rows: list[tuple[str, list[Cell]]] = [
        (
            one.cost.model,
            [
                split.rule,
                currency.amount(split.input_usd_mtok),
                currency.amount(split.output_usd_mtok),
                currency.amount(split.input.exact_usd_mtok),
                currency.amount(split.output.exact_usd_mtok),
                split.rounding_ratio,
            ],
        )
        for one in models
        for split in one.splits
    ]
    return _by_model(columns, rows, models)


def _discount_table(models: Sequence[ModelPrices], currency: Currency) -> "RenderableType":
    columns = [
        Column(title="from", unit="Mtok/month"),
        Column(title="discount", unit="%", places=1, is_ratio=True),
        Column(title="price", unit=f"{currency.code}/Mtok", places=4),
        Column(title="true margin", unit="%", places=1, is_ratio=True),
    ]
    rows: list[tuple[str, list[Cell]]] = [
        (
            one.cost.model,
            [
                row.from_mtok_month,
                row.discount_ratio,
                currency.amount(row.price_usd_mtok),
                row.margin_ratio,
            ],
        )
        for one in models
        for row in one.discounts
    ]
    return _by_model(columns, rows, models)


def _commitment_table(models: Sequence[ModelPrices], currency: Currency) -> "RenderableType":
    code = currency.code
    columns = [
        words("commitment"),
        Column(title="used", unit="%", is_ratio=True),
        Column(title="minimum", unit="Mtok/month"),
        Column(title="billed", unit=f"{code}/month", places=2),
        Column(title="comes to", unit=f"{code}/Mtok", places=4),
        Column(title="margin", unit="%", places=1, is_ratio=True),
        Column(title="busy", unit="%", places=1, is_ratio=True),
    ]
    rows: list[tuple[str, list[Cell]]] = [
        (
            one.cost.model,
            [
                row.name,
                row.used_ratio,
                row.minimum_mtok,
                currency.amount(row.billed_usd),
                currency.amount(row.effective_usd_mtok),
                row.margin_ratio,
                row.utilization_ratio,
            ],
        )
        for one in models
        for row in one.commitments
    ]
    return _by_model(columns, rows, models)
