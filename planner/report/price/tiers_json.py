"""The document of section `tiers`: its schema, and the values in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from planner.economics.tiers import Margin, ModelCost, SplitPrice, TierRow
from planner.economics.volume import CommitmentRow, DiscountRow
from planner.report.price.section import MONEY, NUMBER, SIGNED, TEXT, Json, listed, money, or_null, record, said
from policies.pricing import PricingPolicy, Rounded

_ROUNDED = record(
    {
        "exact_usd_mtok": MONEY,
        "price_usd_mtok": MONEY,
        "rounding_usd_mtok": {"type": "string"},
        "rounding_ratio": or_null(SIGNED),
    }
)
_SPLIT = record(
    {
        "rule": TEXT,
        "input_usd_mtok": MONEY,
        "output_usd_mtok": MONEY,
        "exact_input_usd_mtok": MONEY,
        "exact_output_usd_mtok": MONEY,
        "rounding_ratio": said(or_null(SIGNED), "What rounding the two adds to revenue at the real mix."),
    }
)
_MARGIN = record(
    {
        "at": said(TEXT, "The assumption the cost rests on; empty where there is one."),
        "cost_usd_mtok": said(MONEY, "True cost, with headroom where the tier has a service level."),
        "direct_margin_ratio": or_null(SIGNED),
        "true_margin_ratio": or_null(SIGNED),
        "true_markup_ratio": or_null(SIGNED),
    }
)
_BAND = or_null({"enum": ["below", "inside", "above"]})
SCHEMA: Json = record(
    {
        "policy": said(TEXT, "Where the pricing policy comes from."),
        "rule": TEXT,
        "cost_basis": {"enum": ["direct", "true"]},
        "min_price_usd_mtok": or_null(MONEY),
        "max_price_usd_mtok": or_null(MONEY),
        "sla_headroom_ratio": NUMBER,
        "models": listed(
            record(
                {
                    "model": TEXT,
                    "costs": listed(
                        record(
                            {
                                "at": TEXT,
                                "direct_usd_mtok": MONEY,
                                "hidden_usd_mtok": or_null(MONEY),
                                "true_usd_mtok": MONEY,
                            }
                        )
                    ),
                    "suggested": record({"price": _ROUNDED, "in_band": _BAND, "margins": listed(_MARGIN)}),
                    "splits": said(listed(_SPLIT), "Of the suggested price, each neutral at the real mix."),
                    "tiers": listed(
                        record(
                            {
                                "name": TEXT,
                                "customers": TEXT,
                                "rule": TEXT,
                                "has_sla": {"type": "boolean"},
                                "price": or_null(_ROUNDED),
                                "split": or_null(_SPLIT),
                                "in_band": _BAND,
                                "margins": listed(_MARGIN),
                            }
                        )
                    ),
                    "discounts": listed(
                        record(
                            {
                                "from_mtok_month": MONEY,
                                "discount_ratio": NUMBER,
                                "price_usd_mtok": MONEY,
                                "true_margin_ratio": or_null(SIGNED),
                            }
                        )
                    ),
                    "commitments": listed(
                        record(
                            {
                                "name": TEXT,
                                "used_ratio": NUMBER,
                                "minimum_usd_month": MONEY,
                                "minimum_mtok_month": MONEY,
                                "billed_usd_month": MONEY,
                                "effective_usd_mtok": or_null(MONEY),
                                "true_margin_ratio": or_null(SIGNED),
                                "utilization_ratio": said(or_null(NUMBER), "The committed tokens alone, of capacity."),
                            }
                        )
                    ),
                }
            )
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPrices:
    """All that is charged for one model, computed."""

    cost: ModelCost
    suggested: Rounded
    suggested_margins: tuple[Margin, ...]
    suggested_in_band: str | None
    splits: tuple[SplitPrice, ...]
    tiers: tuple[TierRow, ...]
    discounts: tuple[DiscountRow, ...]
    commitments: tuple[CommitmentRow, ...]


def tiers_document(policy: PricingPolicy, source: str, rule: str, models: Sequence[ModelPrices]) -> Json:
    """The policy in force and the prices of each model."""
    return {
        "policy": source,
        "rule": rule,
        "cost_basis": policy.cost_basis.value,
        "min_price_usd_mtok": money(policy.min_price_usd_mtok),
        "max_price_usd_mtok": money(policy.max_price_usd_mtok),
        "sla_headroom_ratio": float(policy.sla_headroom_ratio),
        "models": [_document(one) for one in models],
    }


def _document(one: ModelPrices) -> Json:
    return {
        "model": one.cost.model,
        "costs": [
            {
                "at": point.label,
                "direct_usd_mtok": money(point.direct_usd_mtok),
                "hidden_usd_mtok": money(point.hidden_usd_mtok),
                "true_usd_mtok": money(point.true_usd_mtok),
            }
            for point in one.cost.points
        ],
        "suggested": {
            "price": _rounded(one.suggested),
            "in_band": one.suggested_in_band,
            "margins": [_margin(margin) for margin in one.suggested_margins],
        },
        "splits": [_split(split) for split in one.splits],
        "tiers": [
            {
                "name": row.name,
                "customers": row.customers,
                "rule": row.rule,
                "has_sla": row.has_sla,
                "price": None if row.price is None else _rounded(row.price),
                "split": None if row.split is None else _split(row.split),
                "in_band": None if row.in_band is None else row.in_band.value,
                "margins": [_margin(margin) for margin in row.margins],
            }
            for row in one.tiers
        ],
        "discounts": [
            {
                "from_mtok_month": money(row.from_mtok_month),
                "discount_ratio": float(row.discount_ratio),
                "price_usd_mtok": money(row.price_usd_mtok),
                "true_margin_ratio": _float(row.margin_ratio),
            }
            for row in one.discounts
        ],
        "commitments": [
            {
                "name": row.name,
                "used_ratio": float(row.used_ratio),
                "minimum_usd_month": money(row.minimum_usd),
                "minimum_mtok_month": money(row.minimum_mtok),
                "billed_usd_month": money(row.billed_usd),
                "effective_usd_mtok": money(row.effective_usd_mtok),
                "true_margin_ratio": _float(row.margin_ratio),
                "utilization_ratio": _float(row.utilization_ratio),
            }
            for row in one.commitments
        ],
    }


def _rounded(price: Rounded) -> Json:
    return {
        "exact_usd_mtok": money(price.exact_usd_mtok),
        "price_usd_mtok": money(price.price_usd_mtok),
        "rounding_usd_mtok": money(price.effect_usd_mtok),
        "rounding_ratio": _float(price.effect_ratio),
    }


def _split(split: SplitPrice) -> Json:
    return {
        "rule": split.rule,
        "input_usd_mtok": money(split.input_usd_mtok),
        "output_usd_mtok": money(split.output_usd_mtok),
        "exact_input_usd_mtok": money(split.input.exact_usd_mtok),
        "exact_output_usd_mtok": money(split.output.exact_usd_mtok),
        "rounding_ratio": _float(split.rounding_ratio),
    }


def _margin(margin: Margin) -> Json:
    return {
        "at": margin.label,
        "cost_usd_mtok": money(margin.cost_usd_mtok),
        "direct_margin_ratio": _float(margin.direct_ratio),
        "true_margin_ratio": _float(margin.true_ratio),
        "true_markup_ratio": _float(margin.markup_ratio),
    }


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
