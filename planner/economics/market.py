"""The market: what hosted models of a class cost at a mix of tokens, and where a price of ours stands among them. Pure.

A class is told by the model's name: dense models by the parameters in it (Llama-3.1-8B is 7-8B), the large vendors'
own models by their family. Mixtures of experts are left out: they cost by the parameters active, not by all. What is
no chat model (guards, OCR, embeddings), fine-tuned, or retired by the date of the list is left out too, and so is what
is given away: no price of ours can stand against it. Several models of one provider at one price count once, so that a
price list by size does not outvote the others.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

PARAMETERS = re.compile(r"(?<![a-z0-9.])e?(\d+(?:[.p]\d+)?)b(?![a-z0-9])")
MIXTURE = re.compile(r"\d+x\d+|(?<![a-z])a\d+(?:\.\d+)?b(?![a-z])|-\d+e(?![a-z0-9])|moe")
NO_CHAT = re.compile(
    r"guard|safety|ocr|embed|rerank|audio|tts|image|robotics|search|computer-use|cyber|daybreak|rosalind|-law|^ft:|-base"
    r"|vision|-vl|omni|coder|code-|-code|realtime|-exp-|gemini-gemma"
)
"""No chat, for one trade only, or to see and hear: priced for what it is, not as text in and text out."""

SIZES: dict[str, tuple[Decimal, Decimal]] = {
    "1-4B": (Decimal("0.5"), Decimal("4.5")),
    "7-8B": (Decimal("6.5"), Decimal("9.5")),
    "13B": (Decimal("11.5"), Decimal("15.5")),
    "30-34B": (Decimal("26.5"), Decimal("35.5")),
    "70B": (Decimal("64.5"), Decimal("75.5")),
}
"""Class -> parameters, thousand millions, from and to."""

VENDORS = ("openai", "anthropic", "gemini")
SMALL = re.compile(r"(?<!ge)mini|nano|lite|flash|haiku|luna")
FAMILIES = ("frontier-small", "frontier-large")
"""The large vendors' own models: small by family name (mini, nano, lite, flash, haiku, luna), and all others."""

CLASSES = (*SIZES, *FAMILIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedModel:
    """One line of a price list of hosted models, USD per million tokens."""

    provider: str
    model: str
    input_usd_mtok: Decimal
    output_usd_mtok: Decimal
    model_class: str | None
    retires_on: date | None = None

    def blended_usd_mtok(self, input_tokens: Decimal, output_tokens: Decimal) -> Decimal:
        """What a million tokens of this mix costs."""
        tokens = input_tokens + output_tokens
        return (self.input_usd_mtok * input_tokens + self.output_usd_mtok * output_tokens) / tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedPrices:
    """A dated price list."""

    models: tuple[HostedModel, ...]
    price_date: date | None
    """None: not stated."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRow:
    """One price of a provider in the class, and how many of its models have it."""

    provider: str
    model: str
    others: int
    """Further models of the provider at this price."""
    input_usd_mtok: Decimal
    output_usd_mtok: Decimal
    blended_usd_mtok: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A class of hosted models at a mix, cheapest first."""

    model_class: str
    rows: tuple[MarketRow, ...]
    quantile: Decimal
    reference_usd_mtok: Decimal
    """The class's price at `quantile`, or a reference of one's own."""
    is_own_reference: bool
    price_date: date | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a price of ours stands."""

    name: str
    price_usd_mtok: Decimal
    dearer_ratio: Decimal
    """Share of the market's prices that are above it."""
    of_reference_ratio: Decimal
    """The price over the reference."""


def class_of(provider: str, model: str) -> str | None:
    """The class of a model by the rule above; None: left out."""
    name = model.lower()
    if NO_CHAT.search(name) or MIXTURE.search(name):
        return None
    if provider in VENDORS:
        return FAMILIES[0] if SMALL.search(name) else FAMILIES[1]
    return size_class(name)


def size_class(name: str) -> str | None:
    """The class of the parameters in a name; None: it names none, or a size between the classes."""
    found = PARAMETERS.findall(name.lower().replace("_", "-"))
    if not found:
        return None
    size = Decimal(found[-1].replace("p", "."))
    return next((one for one, (low, high) in SIZES.items() if low <= size <= high), None)


def market_of(
    prices: HostedPrices,
    model_class: str,
    *,
    input_tokens: Decimal,
    output_tokens: Decimal,
    quantile: Decimal = Decimal("0.5"),
    reference_usd_mtok: Decimal | None = None,
) -> Market | None:
    """The class at a mix of tokens; None: the list has none of it."""
    rows: dict[tuple[str, Decimal, Decimal], MarketRow] = {}
    for one in prices.models:
        blended = one.blended_usd_mtok(input_tokens, output_tokens)
        if one.model_class != model_class or not blended or _is_retired(one, prices.price_date):
            continue
        key = (one.provider, one.input_usd_mtok, one.output_usd_mtok)
        before = rows.get(key)
        shortest = one.model if before is None else min(before.model, one.model, key=lambda name: (len(name), name))
        rows[key] = MarketRow(
            provider=one.provider,
            model=shortest,
            others=0 if before is None else before.others + 1,
            input_usd_mtok=one.input_usd_mtok,
            output_usd_mtok=one.output_usd_mtok,
            blended_usd_mtok=blended,
        )
    if not rows:
        return None
    ordered = tuple(sorted(rows.values(), key=lambda row: (row.blended_usd_mtok, row.provider, row.model)))
    reference = reference_usd_mtok or _quantile([row.blended_usd_mtok for row in ordered], quantile)
    return Market(
        model_class=model_class,
        rows=ordered,
        quantile=quantile,
        reference_usd_mtok=reference,
        is_own_reference=reference_usd_mtok is not None,
        price_date=prices.price_date,
        source=prices.source,
    )


def standing(market: Market, name: str, price_usd_mtok: Decimal) -> Standing:
    """Where the price stands in the market."""
    above = sum(row.blended_usd_mtok > price_usd_mtok for row in market.rows)
    return Standing(
        name=name,
        price_usd_mtok=price_usd_mtok,
        dearer_ratio=Decimal(above) / len(market.rows),
        of_reference_ratio=price_usd_mtok / market.reference_usd_mtok,
    )


def _is_retired(model: HostedModel, on: date | None) -> bool:
    return model.retires_on is not None and on is not None and model.retires_on <= on


def _quantile(ordered: Sequence[Decimal], quantile: Decimal) -> Decimal:
    """Of sorted values, straight lines between (as numpy's default)."""
    at = quantile * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)
